#include "command_private.h"

#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <apr_network_io.h>
#include <apr_strings.h>

static long start_seconds(void);
static void note_interrupt(int number);

/* A signal handler has nothing else to write to. */
static volatile sig_atomic_t interrupted;

void process_catch_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    sigemptyset(&action.sa_mask);
    action.sa_handler = note_interrupt;
    action.sa_flags = SA_RESTART;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

/* Opened for reading only, standard output fails when it is written to, as it would if it were still closed.
 */
void process_guard_descriptors(void)
{
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++) {
        if (fcntl(descriptor, F_GETFD) == -1 && open("/dev/null", O_RDONLY) != descriptor)
            _exit(EX_OSERR);
    }
}

static void note_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

int tardis_command_interrupted(void)
{
    return interrupted;
}

const char *tardis_host_name(apr_pool_t *pool)
{
    char name[APRMAXHOSTLEN + 1];
    if (apr_gethostname(name, sizeof(name), pool) != APR_SUCCESS || !*name)
        return "localhost";
    for (char *c = name; *c; c++) {
        if (!isgraph((unsigned char)*c))
            *c = '?';
    }
    return apr_pstrdup(pool, name);
}

const char *tardis_process_name(apr_pool_t *pool)
{
    return apr_psprintf(pool, "%.160s:%ld:%ld", tardis_host_name(pool), (long)getpid(), start_seconds());
}

/* When this process first asked: process ids are used again, and a lease must not be mistaken for one's own.
 */
static long start_seconds(void)
{
    static apr_time_t started;
    apr_time_t none = 0;
    apr_time_t now = apr_time_now();
    __atomic_compare_exchange_n(&started, &none, now, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return (long)apr_time_sec(__atomic_load_n(&started, __ATOMIC_SEQ_CST));
}

apr_time_t tardis_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return apr_time_from_sec(now.tv_sec) + now.tv_nsec / 1000;
}
