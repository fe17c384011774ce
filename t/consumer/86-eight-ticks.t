#!/usr/bin/perl
# Eight ticks at once, one of them killed with SIGKILL every second: no experiment is stepped twice in one interval,
# none is lost, all are complete in the end, and every history is whole.
#
# TARDIS_TEST_SECONDS (default 6) says for how long ticks are killed, TARDIS_TEST_EXPERIMENTS (default 600) among how
# many experiments.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use BusyProvider;
use Crowd;
use SmtpSink;
use Test::More;
use Testbed;
use Time::HiRes qw(sleep time);

my $seconds = $ENV{TARDIS_TEST_SECONDS} // 6;
my $count = $ENV{TARDIS_TEST_EXPERIMENTS} // 600;
my $interval = 1; # between two questions about a transfer

my $bed = Testbed->new;
my $sink = SmtpSink->new;
$bed->set_option('consumer', 'poll_interval', $interval);
$bed->set_option('consumer', 'lease_seconds', 20);
$bed->set_option('consumer', 'smtp_url', '"' . $sink->url . '"');
$bed->set_option('consumer', 'mail_administrators', '{"ops@uni.example"}');
my $provider = BusyProvider->new(polls => $seconds < 12 ? $seconds : 12, delay => 0.2);
my @urls = map { $provider->url($_) } qw(batch plain);
my $ticks = Crowd::Ticks->new($bed, @urls);

# A tick that has work in hand, if there is one. What it leaves is taken over when its lease has ended; half of the
# leases end sooner than by themselves.
my ($orphans, %died) = (0);
sub kill_one {
    my %busy = map { $_->[0] =~ /^[^:]*:(\d+):/ ? ($1 => 1) : () } $bed->sql('consumer',
        'SELECT DISTINCT lease_owner FROM synced_experiment WHERE lease_owner IS NOT NULL');
    my @pids = grep { $busy{$_} } $ticks->running;
    @pids = $ticks->running if !@pids;
    my $pid = $pids[rand @pids] or return;
    $ticks->kill($pid);
    $orphans++ if how_many($bed, "lease_owner LIKE '%:$pid:%'");
    $ticks->end_leases($pid) if rand() < 0.5;
}

crowd($bed, $count, 'some', @urls);
my $end = time + $seconds;
for (my $next = time + 1; time < $end; sleep 0.1) {
    $ticks->reap;
    $ticks->begin if $ticks->running < 8;
    next if time < $next;
    $next++;
    kill_one();
}
ok($ticks->finish(8), 'once they are left alone they come to an end');
my $ended = $ticks->ended;
$died{$_} = $ended->{$_}{at} for grep { $ended->{$_}{status} == 9 } keys %$ended;

my $log = $bed->slurp($bed->dir . '/log/background.log');
is_deeply([grep { $ended->{$_}{status} && !$died{$_} } sort keys %$ended], [],
    'every tick that was not killed ends well') or diag map { "$_\n" } grep { !/^tick: / } split /\n/, $log;
cmp_ok(scalar keys %died, '>=', $seconds / 2, 'many were killed');
cmp_ok($orphans, '>=', 1, 'some of them in the middle of their work');
is(how_many($bed, "state = 'Complete'"), $count, 'every experiment is complete');
is(how_many($bed, 'lease_owner IS NOT NULL OR next_attempt_at IS NOT NULL'), 0, 'nobody holds any, none is due');
is_deeply([broken_histories($bed)], [], 'every history is whole');
is($bed->sql('consumer', "SELECT COUNT(*) FROM synced_event WHERE to_state = 'Complete'"), $count,
    'each came to its end once');
is_deeply([mail_once($bed)], [], 'and has its one mail');
is($bed->sql('consumer', 'SELECT COUNT(*) FROM notification WHERE sent_at IS NULL'), 0, 'which was sent');
is_deeply([map { join ' ', @$_ } $bed->sql('consumer', 'SELECT COUNT(*), code, MIN(text) FROM synced_event
    WHERE code IS NOT NULL GROUP BY code')], [], 'there was no error');
unlike($log, qr/lease_lost/, 'none was taken over from a tick that lives');

my %last = map { $_->{uid} => $_ } $provider->asked;
is(keys %last, $count, 'the provider was asked about each');
is_deeply([grep { !$provider->has_completed($last{$_}) } sort keys %last], [], 'until it was complete');
is_deeply([steps_doubled($provider, $interval, \%died)], [],
    'and never twice for one step, but after the death of a tick');
note(keys(%$ended) . ' ticks, ' . keys(%died) . " killed, $orphans with work in hand");

done_testing;
