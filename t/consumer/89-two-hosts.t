#!/usr/bin/perl
# Ticks on two hosts: what one has taken carries its name, the other leaves it alone while the lease lasts and takes it
# over afterwards, even if the process of the first has the same number here.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use BusyProvider;
use Crowd;
use FakeServer;
use Followed;
use JSON::PP;
use Test::More;
use Testbed;
use Testbed::Servers;
use Time::HiRes qw(sleep);

my @on = map { my $host = $_; ['unshare', '--uts', 'sh', '-c', "hostname $host && exec \"\$@\"", 'sh'] } qw(alpha beta);
plan skip_all => 'needs to be root to give a process another host name' if system("@{$on[0]}[0 .. 1] true 2>/dev/null");
my $bed = Testbed->new;
my @conf = ('--config', $bed->env('CONSUMER_CONF'));
my $gate = $bed->dir . '/gate';

subtest 'a lease' => sub {
    my $fake = FakeServer->new(parallel => 1, handler => sub {
        for (1 .. 200) { last unless -e $gate; sleep 0.05 }
        return {status => 200, body => 'OK'};
    });
    add_provider($bed, $fake->url, KEY);
    my $id = follow($bed, provider => $fake->url);
    open(my $file, '>', $gate) or die "$gate: $!\n";
    my $pid = $bed->start(@{$on[0]}, 'tardis-consumer', @conf, 'tick');
    Testbed::Servers::wait_until(20, sub { scalar $fake->requests }) or die "the tick asks nothing\n";
    my ($lease) = @{decode_json(($bed->run('tardis-consumer', 'list', '--leases', '--json'))[1])};
    like($lease->{host}, qr/^alpha/, 'names the host');
    my ($status, $out) = $bed->run(@{$on[1]}, 'tardis-consumer', @conf, 'tick');
    like($out, qr/^tick: 0 stepped/, 'the other host leaves it alone');
    kill 'KILL', $pid;
    waitpid $pid, 0;
    unlink $gate;
    like(($bed->run(@{$on[1]}, 'tardis-consumer', @conf, 'tick'))[1], qr/^tick: 0 stepped/,
        'also when its process is gone, which cannot be seen from there');
    change($bed, $id, 'lease_until = UTC_TIMESTAMP(6)');
    like(($bed->run(@{$on[1]}, 'tardis-consumer', @conf, 'tick'))[1], qr/^tick: 1 stepped, 1 moved on/,
        'until the lease has ended');
    like($bed->sql('consumer', 'SELECT host FROM synced_event WHERE experiment_id = ? ORDER BY id DESC LIMIT 1', $id),
        qr/^beta/, 'the history names the host that did it');
    settle($bed);
};

subtest 'both at once' => sub {
    my $provider = BusyProvider->new(delay => 0.05);
    my @urls = map { $provider->url($_) } qw(batch plain);
    add_provider($bed, $_, KEY) for @urls;
    crowd($bed, 200, 'some', @urls);
    my %pids = map { $bed->start(@{$on[$_ % 2]}, 'tardis-consumer', @conf, 'tick') => 1 } 1 .. 4;
    for my $pid (keys %pids) {
        waitpid $pid, 0;
        is($?, 0, 'each ends well');
    }
    my %asked;
    $asked{$_->{uid}}++ for grep { $_->{what} eq 'get' } $provider->asked;
    is(keys %asked, 200, 'every experiment was asked for');
    is_deeply([grep { $asked{$_} > 1 } sort keys %asked], [], 'none twice');
    is_deeply([broken_histories($bed)], [], 'every history is whole');
};

done_testing;
