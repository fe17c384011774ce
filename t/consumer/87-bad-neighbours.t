#!/usr/bin/perl
# A provider that never answers, one that answers a byte a second, one that is down and one that answers garbage cost
# a healthy one nothing: its experiments need as many ticks as alone, as many of its requests are under way at a time,
# and none waits for the others.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use BusyProvider;
use Crowd;
use Followed;
use IO::Socket::INET;
use RawServer;
use Test::More;
use Testbed;
use Testbed::Servers;
use Time::HiRes qw(sleep);

my ($count, $each) = (120, 300); # experiments of the healthy one, and of each of the others
my @way = qw(Requested CheckingIntegrity Complete);

my $bed = Testbed->new;
$bed->set_option('consumer', 'parallel', 40); # five providers with eight requests each
$bed->set_option('consumer', 'retry_minimum', 1000);
$bed->set_option('consumer', 'retry_maximum', 2000);
my $healthy = BusyProvider->new(hold => 8);
my %bad = (
    hanging => RawServer->new(handler => sub { sysread($_[0], my $text, 65536); sleep 60 }),
    slow => RawServer->new(handler => sub {
        my ($connection, $self) = @_;
        RawServer::head($connection) or return;
        $self->note('asked');
        print $connection "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2000\r\n\r\n";
        print $connection 'x' or return while sleep 1;
    }),
    garbage => RawServer->new(handler => sub {
        my ($connection) = @_;
        RawServer::head($connection) or return;
        print $connection join '', map { chr int rand 256 } 1 .. 5000;
    }),
);
my %url = map { $_ => $bad{$_}->url } keys %bad;
{
    my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "listen: $!\n";
    $url{down} = 'http://127.0.0.1:' . $taken->sockport;
}
add_provider($bed, $_, KEY) for values %url, $healthy->url;

# ($name): brings the healthy provider's new experiments to their end, a tick for each state; the next begins when the
# last one's work for them is done, whatever else it still waits for. Returns the ticks that still run.
sub bring_home {
    my ($name) = @_;
    my @ticks;
    for my $state (@way) {
        push @ticks, $bed->start('tardis-consumer', 'tick', '--quiet');
        my $done = Testbed::Servers::wait_until(30, sub {
            return how_many($bed, "uid LIKE '$name.%' AND state = '$state' AND lease_owner IS NULL") == $count;
        });
        ok($done, "$name: one tick brings all of them to $state")
            or diag map { "@$_\n" } $bed->sql('consumer', "SELECT state, COUNT(*), SUM(lease_owner IS NOT NULL)
                FROM synced_experiment WHERE uid LIKE '$name.%' GROUP BY state");
    }
    return @ticks;
}

crowd($bed, $count, 'alone', $healthy->url);
waitpid $_, 0 for bring_home('alone');
my $alone = $healthy->lonely;

crowd($bed, $each, $_, $url{$_}) for sort keys %url;
change($bed, $_->[0], 'next_attempt_at = next_attempt_at - INTERVAL 100 SECOND') for $bed->sql('consumer',
    "SELECT experiment_id FROM synced_experiment WHERE state = 'Ingested'");
crowd($bed, $count, 'among', $healthy->url);
my @ticks = bring_home('among');
my @waiting = grep { kill 0, $_ } @ticks;
cmp_ok(scalar @waiting, '>=', 1, 'while ticks still wait for the others');
cmp_ok(how_many($bed, "uid LIKE 'hanging.%' AND lease_owner IS NOT NULL"), '>=', 8, 'such as one that never answers');
cmp_ok(scalar $bad{slow}->notes, '>=', 8, 'or one that answers slowly');
cmp_ok($healthy->lonely - $alone, '<=', $alone, 'as many requests are under way at a time as alone');
is(how_many($bed, "uid LIKE 'down.%' AND error_code = 'provider_unreachable'"), $each,
    'all of the one that is down have failed');
is(how_many($bed, "uid LIKE 'garbage.%' AND error_code IS NOT NULL"), $each, 'and all that are answered garbage');
is(how_many($bed, "state NOT IN ('Ingested', 'Complete')"), 0, 'none of these has moved');
$_->stop for values %bad;
for my $pid (@ticks) {
    waitpid $pid, 0;
    is($?, 0, 'each tick ends well');
}
is(how_many($bed, 'lease_owner IS NOT NULL'), 0, 'and leaves nothing behind');
is_deeply([broken_histories($bed)], [], 'every history is whole');

done_testing;
