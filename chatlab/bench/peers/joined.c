/* A chat in C on epoll (Linux) that joins sends: what one pass reads from all is sent once to each.
 *
 *     cc -O2 -o joined joined.c && ./joined PORT
 *
 * Like the other peers it checks neither names nor bytes. A sender hears nothing of its own: where it
 * has said part of a pass, its block is put together without that part. Who reads slowly is written to
 * when there is room again, and nobody is read meanwhile: whoever floods waits.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST = 20000, READ = 65536, LINE = 4096, NAME = 32, PASS = 8 << 20, FULL = 1 << 19, PARTS = 512 };

struct client {
    int is_here, name_length, half_length, index;
    char name[NAME];
    char half[LINE]; /* the line that has not come whole */
    char *left;      /* what the socket did not take */
    size_t left_length, left_at;
};

static struct client *clients[MOST]; /* by descriptor */
static int here[MOST], here_count;   /* descriptors of those who have a name */
static char pass[PASS];              /* what is said in this pass, with names */
static size_t pass_length;
static struct part { int of; size_t from, to; } parts[PARTS];
static int part_count, waiting_count;
static int poller;

static void forget(int fd) {
    struct client *client = clients[fd];
    if (!client) return;
    if (client->is_here) {
        here[client->index] = here[--here_count];
        clients[here[client->index]]->index = client->index;
    }
    if (client->left) waiting_count--;
    free(client->left);
    free(client);
    clients[fd] = NULL;
    close(fd);
}

static void ask_for(int fd, unsigned events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(poller, EPOLL_CTL_MOD, fd, &event);
}

/* Send these pieces; keep what the socket does not take. */
static void give(int fd, struct iovec *pieces, int count, size_t length) {
    struct client *client = clients[fd];
    ssize_t sent = 0;
    if (!client->left) {
        struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};
        sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno != EAGAIN && errno != EWOULDBLOCK) return; /* reading will tell */
            sent = 0;
        }
        if ((size_t)sent == length) return;
        waiting_count++;
        ask_for(fd, EPOLLIN | EPOLLOUT);
    }
    char *left = malloc(client->left_length - client->left_at + length);
    size_t kept = client->left_length - client->left_at;
    memcpy(left, client->left + client->left_at, kept);
    for (int i = 0; i < count; i++) {
        size_t skip = (size_t)sent < pieces[i].iov_len ? (size_t)sent : pieces[i].iov_len;
        memcpy(left + kept, (char *)pieces[i].iov_base + skip, pieces[i].iov_len - skip);
        kept += pieces[i].iov_len - skip;
        sent -= skip;
    }
    free(client->left);
    client->left = left;
    client->left_length = kept;
    client->left_at = 0;
}

static void send_the_rest(int fd) {
    struct client *client = clients[fd];
    if (!client->left) return;
    ssize_t sent = send(fd, client->left + client->left_at, client->left_length - client->left_at,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return;
    client->left_at += sent;
    if (client->left_at < client->left_length) return;
    free(client->left);
    client->left = NULL;
    client->left_length = client->left_at = 0;
    waiting_count--;
    ask_for(fd, EPOLLIN);
}

static void deliver(void) {
    if (!pass_length) return;
    for (int i = 0; i < here_count; i++) {
        struct iovec pieces[PARTS + 1];
        size_t at = 0, length = 0;
        int count = 0, fd = here[i];
        for (int part = 0; part < part_count; part++) {
            if (parts[part].of != fd) continue;
            if (parts[part].from > at) {
                pieces[count++] = (struct iovec){pass + at, parts[part].from - at};
                length += parts[part].from - at;
            }
            at = parts[part].to;
        }
        if (pass_length > at) {
            pieces[count++] = (struct iovec){pass + at, pass_length - at};
            length += pass_length - at;
        }
        if (length) give(fd, pieces, count, length);
    }
    pass_length = part_count = 0;
}

static void say(int fd, const char *line, size_t length) { /* with its LF */
    struct client *client = clients[fd];
    if (!client->is_here) {
        client->name_length = length - 1 < NAME ? length - 1 : NAME;
        memcpy(client->name, line, client->name_length);
        char welcome[64];
        int count = snprintf(welcome, sizeof welcome, "* Welcome, %.*s.\n", client->name_length, client->name);
        give(fd, &(struct iovec){welcome, count}, 1, count);
        client->is_here = 1;
        client->index = here_count;
        here[here_count++] = fd;
        return;
    }
    memcpy(pass + pass_length, client->name, client->name_length);
    pass_length += client->name_length;
    memcpy(pass + pass_length, ": ", 2);
    memcpy(pass + pass_length + 2, line, length);
    pass_length += length + 2;
}

static void take_in(int fd, char *data, size_t length) {
    struct client *client = clients[fd];
    size_t from = pass_length;
    char *end = data + length, *lf;
    while ((lf = memchr(data, '\n', end - data))) {
        if (client->half_length) {
            size_t more = lf + 1 - data;
            if (client->half_length + more > LINE) { forget(fd); return; }
            memcpy(client->half + client->half_length, data, more);
            say(fd, client->half, client->half_length + more);
            client->half_length = 0;
        } else {
            say(fd, data, lf + 1 - data);
        }
        data = lf + 1;
    }
    if (client->half_length + (end - data) > LINE) { forget(fd); return; }
    memcpy(client->half + client->half_length, data, end - data);
    client->half_length += end - data;
    if (pass_length > from) parts[part_count++] = (struct part){fd, from, pass_length};
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max < MOST ? files.rlim_max : MOST;
    setrlimit(RLIMIT_NOFILE, &files);
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) return 1;
    fcntl(listener, F_SETFL, O_NONBLOCK);
    poller = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    static struct epoll_event ready[1024];
    static char data[READ];
    for (;;) {
        int count = epoll_wait(poller, ready, 1024, -1);
        int was_full = waiting_count > 0;
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd;
            if (fd == listener) {
                int new = accept(listener, NULL, NULL);
                if (new < 0) continue;
                if (new >= MOST) { close(new); continue; }
                fcntl(new, F_SETFL, O_NONBLOCK);
                setsockopt(new, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                clients[new] = calloc(1, sizeof(struct client));
                event = (struct epoll_event){.events = EPOLLIN, .data.fd = new};
                epoll_ctl(poller, EPOLL_CTL_ADD, new, &event);
                give(new, &(struct iovec){"* What is your name?\n", 21}, 1, 21);
                continue;
            }
            if (!clients[fd]) continue;
            if (ready[i].events & EPOLLOUT) send_the_rest(fd);
            if (was_full && !(ready[i].events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP))) continue;
            if (!(ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
            ssize_t length = recv(fd, data, READ, 0);
            if (length > 0) take_in(fd, data, length);
            else if (!length || (errno != EAGAIN && errno != EINTR)) forget(fd);
            /* The worst chunk, nothing but empty lines with a name before each, has room behind FULL. */
            if (pass_length > FULL || part_count == PARTS) deliver();
        }
        deliver();
    }
}
