#include "backoff.h"

#include "tardis_digest.h"

apr_interval_time_t backoff_wait(apr_uint64_t attempts, long minimum, long maximum, long retry_after,
                                 double fraction)
{
    double shortest = (double)minimum;
    double longest = minimum > 0 ? (double)minimum : 1.0;
    for (apr_uint64_t i = 0; i < attempts && longest < (double)maximum; i++)
        longest *= 2;
    if (longest > (double)maximum)
        longest = (double)maximum;
    double spread = longest > shortest ? longest - shortest : 0;
    if (shortest < (double)retry_after)
        shortest = (double)retry_after;
    double seconds = shortest + spread * fraction;
    if (seconds > (double)maximum)
        seconds = (double)maximum;
    return (apr_interval_time_t)(seconds * (double)APR_USEC_PER_SEC);
}

double backoff_fraction(void)
{
    apr_uint32_t number;
    tardis_random_bytes((unsigned char *)&number, sizeof(number));
    return (double)number / (double)APR_UINT32_MAX;
}
