/* The generator's hands: what load.py does while it measures, where there is a C compiler (Linux).
 *
 *     hands MODE WARM_UP_NS COUNTED_NS NS_EACH DELIVERY_BYTES TEXT_AT STAMP_AT STAMP_DIGITS LINE < CLIENTS
 *
 * The clients are connected and in the chat; this program inherits their sockets, which do not block.
 * CLIENTS has a line for each: `s FD`, who says lines, or `r FD PROBE`, who reads them; PROBE says what is
 * looked at: -2 nothing, -1 the stamp of each line, which is the moment at which it was due, or the number
 * of the sender whose line is waited for. LINE is what a sender says, in hex, with its stamp as zeros.
 *
 * Prints `from` when the warm-up is over and `until` when the counting is, and then one line of JSON.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 64 * 1024, BUFFER = 1 << 20, MOST = 1 << 16, NOBODY = -2, ALL = -1, TICK_NS = 200000 };

struct client {
    int fd, probe, is_gone, says_forever;
    char *block; /* what it has to say */
    size_t length, room, at;
    char *tail; /* the beginning of a line that has not come whole */
    size_t tail_length;
};

static struct client *by_fd[MOST], *senders[MOST];
static int sender_count, gone_senders, poller, lost;
static long long received_bytes, *latencies;
static size_t latency_count, latency_room;
static size_t delivery, text_at, stamp_at, digits, line_length;
static char line[8192];
static long long said_at[MOST]; /* `one`: when each sender said its line */
static int done[MOST], done_count;

static long long clock_ns(clockid_t which) {
    struct timespec now;
    clock_gettime(which, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void fail(const char *why) {
    printf("{\"failed\": \"%s\"}\n", why);
    exit(1);
}

static void ask(struct client *client, int operation, unsigned events) {
    struct epoll_event event = {.events = events, .data.fd = client->fd};
    epoll_ctl(poller, operation, client->fd, &event);
}

static void lose(struct client *client) {
    if (client->is_gone) return;
    client->is_gone = 1;
    lost++;
    ask(client, EPOLL_CTL_DEL, 0);
    for (int i = 0; i < sender_count; i++) gone_senders += senders[i] == client;
}

/* ---- saying ---- */

static void go_on(struct client *client) {
    if (client->is_gone || !client->length) return;
    ssize_t sent = send(client->fd, client->block + client->at, client->length - client->at, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR) lose(client);
        return;
    }
    client->at += sent;
    if (client->at < client->length) return;
    client->at = 0;
    if (!client->says_forever) {
        client->length = 0;
        ask(client, EPOLL_CTL_MOD, EPOLLIN);
    }
}

static void add_line(struct client *client, long long stamp) {
    if (client->at) {
        memmove(client->block, client->block + client->at, client->length -= client->at);
        client->at = 0;
    }
    if (client->length + line_length > client->room) {
        client->room = 2 * (client->room + line_length);
        if (!(client->block = realloc(client->block, client->room))) fail("there is no memory left");
    }
    char text[32];
    snprintf(text, sizeof text, "%0*lld", (int)digits, stamp);
    memcpy(client->block + client->length, line, line_length);
    memcpy(client->block + client->length + stamp_at, text, digits);
    client->length += line_length;
}

static void say(struct client *client) { /* what add_line has put together */
    go_on(client);
    if (client->length && !client->is_gone) ask(client, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

/* Say each line that is due; the senders take turns, so that their lines are evenly spread. */
static void keep_pace(long long began, double ns_each, long long *said) {
    long long due = (long long)((clock_ns(CLOCK_MONOTONIC) - began) / ns_each);
    if (*said >= due) return;
    long long first = *said;
    for (; *said < due; ++*said) {
        struct client *client = senders[*said % sender_count];
        if (!client->is_gone) add_line(client, began + (long long)((*said + 1) * ns_each));
    }
    for (long long i = first; i < due && i < first + sender_count; i++) say(senders[i % sender_count]);
}

/* Have the poller return when lines are due, and not more often than each TICK_NS. */
static void set_clock(long long began, double ns_each) {
    int clock = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    long long step = ns_each > TICK_NS ? (long long)ns_each : TICK_NS, first = began + step;
    struct itimerspec times = {.it_interval = {step / 1000000000, step % 1000000000},
                               .it_value = {first / 1000000000, first % 1000000000}};
    struct epoll_event event = {.events = EPOLLIN, .data.fd = clock};
    if (clock < 0 || clock >= MOST || timerfd_settime(clock, TFD_TIMER_ABSTIME, &times, NULL) ||
        epoll_ctl(poller, EPOLL_CTL_ADD, clock, &event))
        fail("there is no clock to be had");
}

static void say_next(void) { /* `one`: each whose line has arrived says another */
    for (; done_count; done_count--) {
        int number = done[done_count - 1];
        said_at[number] = clock_ns(CLOCK_MONOTONIC);
        if (senders[number]->is_gone) continue;
        add_line(senders[number], number);
        say(senders[number]);
    }
}

/* ---- reading ---- */

static void note(long long latency) {
    if (latency_count == latency_room) {
        latency_room = latency_room ? 2 * latency_room : 4096;
        if (!(latencies = realloc(latencies, latency_room * sizeof *latencies))) fail("there is no memory left");
    }
    latencies[latency_count++] = latency;
}

static void look_at(struct client *client, const char *one, long long now) { /* at one whole line */
    char text[32];
    char *end;
    memcpy(text, one + text_at, digits);
    text[digits] = 0;
    long long stamp = strtoll(text, &end, 10);
    if (client->probe == ALL) {
        if (*end) fail("lines arrive that nobody here has said: is somebody else in this chat?");
        note(now - stamp);
    } else if (!*end && stamp == client->probe) {
        note(now - said_at[stamp]);
        done[done_count++] = (int)stamp;
    }
}

static void take_in(struct client *client, const char *data, size_t length) {
    long long now = clock_ns(CLOCK_MONOTONIC);
    if (client->tail_length) {
        size_t missing = delivery - client->tail_length;
        size_t part = length < missing ? length : missing;
        memcpy(client->tail + client->tail_length, data, part);
        client->tail_length += part, data += part, length -= part;
        if (client->tail_length < delivery) return;
        look_at(client, client->tail, now);
    }
    for (; length >= delivery; data += delivery, length -= delivery) look_at(client, data, now);
    memcpy(client->tail, data, client->tail_length = length);
}

static void receive(struct client *client) {
    static char buffer[BUFFER];
    ssize_t received = recv(client->fd, buffer, sizeof buffer, 0);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (received <= 0) {
        lose(client);
        return;
    }
    if (client->tail) received_bytes += received; /* a receiver */
    if (client->probe != NOBODY) take_in(client, buffer, received);
}

/* ---- the loop ---- */

static void pass_until(long long deadline, const char *mode, long long began, double ns_each, long long *said) {
    struct epoll_event events[1024];
    uint64_t ticks;
    int is_paced = !strcmp(mode, "paced"), is_one = !strcmp(mode, "one");
    long long now;
    while ((now = clock_ns(CLOCK_MONOTONIC)) < deadline) {
        if (is_paced) keep_pace(began, ns_each, said);
        if (is_one) say_next();
        int left_ms = (int)((deadline - now) / 1000000) + 1;
        int count = epoll_wait(poller, events, 1024, left_ms);
        for (int i = 0; i < count; i++) {
            struct client *client = by_fd[events[i].data.fd];
            if (!client) {
                (void)!read(events[i].data.fd, &ticks, sizeof ticks); /* the clock: only then does it go on */
                continue;
            }
            if (events[i].events & EPOLLOUT) go_on(client);
            if (!client->is_gone && events[i].events & ~EPOLLOUT) receive(client);
        }
        if (gone_senders == sender_count) fail("the server has hung up on every sender");
    }
}

static void add(char kind, int fd, int probe) {
    struct client *client = calloc(1, sizeof *client);
    if (fd < 0 || fd >= MOST || sender_count == MOST || !client) fail("there are too many clients");
    *client = (struct client){.fd = fd, .probe = probe};
    by_fd[fd] = client;
    if (kind == 'r')
        client->tail = malloc(delivery);
    else
        senders[sender_count++] = client;
    ask(client, EPOLL_CTL_ADD, EPOLLIN);
}

static void flood(struct client *client) {
    int lines = BLOCK / line_length ? BLOCK / line_length : 1;
    for (int i = 0; i < lines; i++) add_line(client, 0);
    client->says_forever = 1;
    ask(client, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

int main(int count, char **words) {
    if (count != 10) fail("hands wants nine arguments: load.py knows them");
    const char *mode = words[1], *hex = words[9];
    long long warm_up = atoll(words[2]), counted = atoll(words[3]), said = 0;
    double ns_each = atof(words[4]);
    delivery = atol(words[5]), text_at = atol(words[6]), stamp_at = atol(words[7]), digits = atol(words[8]);
    line_length = strlen(hex) / 2;
    if (line_length > sizeof line || digits > 31) fail("the line is too long");
    for (size_t i = 0; i < line_length; i++) {
        unsigned byte;
        sscanf(hex + 2 * i, "%2x", &byte);
        line[i] = (char)byte;
    }
    poller = epoll_create1(0);
    char kind;
    for (int fd; scanf(" %c %d", &kind, &fd) == 2;) {
        int probe = NOBODY;
        if (kind == 'r' && scanf("%d", &probe) != 1) fail("a receiver has no probe");
        add(kind, fd, probe);
    }
    if (!strcmp(mode, "flood"))
        for (int i = 0; i < sender_count; i++) flood(senders[i]);
    if (!strcmp(mode, "one"))
        for (int i = 0; i < sender_count; i++) done[done_count++] = i;

    long long began = clock_ns(CLOCK_MONOTONIC);
    if (!strcmp(mode, "paced")) set_clock(began, ns_each);
    pass_until(began + warm_up, mode, began, ns_each, &said);
    received_bytes = 0, latency_count = 0;
    long long from = clock_ns(CLOCK_MONOTONIC), used = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    printf("from\n");
    fflush(stdout);
    pass_until(from + counted, mode, began, ns_each, &said);
    long long until = clock_ns(CLOCK_MONOTONIC), used_then = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    printf("until\n{\"received_bytes\": %lld, \"ns\": %lld, \"used_ns\": %lld, \"lost\": %d, \"latencies_ns\": [",
           received_bytes, until - from, used_then - used, lost);
    for (size_t i = 0; i < latency_count; i++) printf(i ? ",%lld" : "%lld", latencies[i]);
    printf("]}\n");
    return 0;
}
