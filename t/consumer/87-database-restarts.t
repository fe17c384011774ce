#!/usr/bin/perl
# MariaDB is stopped and started five times while ticks are at work, in order and by SIGKILL in turn: nothing is lost,
# nothing is done twice.
#
# TARDIS_TEST_EXPERIMENTS (default 300) says among how many experiments.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use BusyProvider;
use Crowd;
use SmtpSink;
use Test::More;
use Testbed;
use Testbed::Servers;
use Time::HiRes qw(sleep time);

my $count = $ENV{TARDIS_TEST_EXPERIMENTS} // 300;
my $interval = 1; # between two questions about a transfer

my $bed = Testbed->new;
my $sink = SmtpSink->new;
$bed->expect_log(qr/tardis/); # the modules may notice as well
$bed->set_option('consumer', 'poll_interval', $interval);
$bed->set_option('consumer', 'lease_seconds', 20);
$bed->set_option('consumer', 'smtp_url', '"' . $sink->url . '"');
$bed->set_option('consumer', 'mail_administrators', '{"ops@uni.example"}');
my $provider = BusyProvider->new(polls => 6, delay => 0.2);
my @urls = map { $provider->url($_) } qw(batch plain);
my $ticks = Crowd::Ticks->new($bed, @urls);

# ($until): ticks are begun, four at a time, for so long.
sub work_until {
    my ($until) = @_;
    while (time < $until) {
        $ticks->reap;
        $ticks->begin('--quiet') if $ticks->running < 4;
        sleep 0.1;
    }
}

crowd($bed, $count, 'some', @urls);
my (%free, $cut) = ();
for my $round (1 .. 5) {
    work_until(time + 0.5);
    Testbed::Servers::wait_until(20, sub {
        work_until(time + 0.05);
        return how_many($bed, "lease_owner IS NOT NULL") > 0;
    }) or diag 'no tick has anything in hand';
    $cut += how_many($bed, 'lease_owner IS NOT NULL') > 0;
    my @alive = values %{$ticks->{running}};
    if ($round % 2) { $bed->stop_db }
    else { Testbed::Servers::kill_hard($bed->dir, 'database') }
    my $now = time;
    $free{$_} //= $now for @alive;
    work_until(time + 0.3);
    $bed->start_db;
    my %running = map { $_ => 1 } $ticks->running;
    $ticks->end_leases(grep { !$running{$_} } map { $_->{pid} } values %{$ticks->ended});
}
ok($ticks->finish(4), 'once the server stays they come to an end');

my $ended = $ticks->ended;
my %statuses;
push @{$statuses{$ended->{$_}{status} >> 8}}, $_ for keys %$ended;
my $log = $bed->slurp($bed->dir . '/log/background.log');
is_deeply([grep { $_ != 0 && $_ != 75 } keys %statuses], [], 'every tick ends well, or tells to try again later')
    or diag $log;
is($cut, 5, 'ticks were at work each time');
cmp_ok(scalar @{$statuses{75} // []}, '>=', 5, 'and were told that the server is gone');
delete @free{@{$statuses{0}}};
is(how_many($bed, "state = 'Complete'"), $count, 'every experiment is complete');
is(how_many($bed, 'lease_owner IS NOT NULL OR next_attempt_at IS NOT NULL'), 0, 'nobody holds any, none is due');
is_deeply([broken_histories($bed)], [], 'every history is whole');
is_deeply([mail_once($bed)], [], 'each has its one mail');
is($bed->sql('consumer', 'SELECT COUNT(*) FROM notification WHERE sent_at IS NULL'), 0, 'which was sent');
is_deeply([map { join ' ', @$_ } $bed->sql('consumer', 'SELECT COUNT(*), code, MIN(text) FROM synced_event
    WHERE code IS NOT NULL GROUP BY code')], [], 'no experiment is blamed');
is_deeply([steps_doubled($provider, $interval, \%free)], [], 'no step was done twice, but what was not saved');

done_testing;
