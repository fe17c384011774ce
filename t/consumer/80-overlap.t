#!/usr/bin/perl
# Several ticks at once step each experiment once; one that is told to stop finishes what is in flight and
# gives back the rest.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use FakeServer;
use Followed;
use Test::More;
use Testbed;
use Testbed::Servers;
use Time::HiRes qw(sleep);

my $bed = Testbed->new;
my $gate = $bed->dir . '/gate';
my $fake = FakeServer->new(parallel => 1, handler => sub {
    my ($request) = @_;
    for (1 .. 200) { last unless -e $gate; sleep 0.05 }
    return {status => 200, body => 'OK'} if $request->{method} eq 'POST';
    return answer(status => 2, progress => '1 of 2 files');
});
add_provider($bed, $fake->url, KEY);

subtest 'four ticks at once' => sub {
    my @ids = map { follow($bed, provider => $fake->url, uid => "many.$_") } 1 .. 300;
    my @pids = map { $bed->start('tardis-consumer', 'tick') } 1 .. 4;
    for my $pid (@pids) {
        waitpid $pid, 0;
        is($?, 0, 'each succeeds');
    }
    my %asked;
    $asked{$_->{body} =~ /uid=(many\.\d+)/ ? $1 : '?'}++ for grep { $_->{method} eq 'POST' } $fake->requests;
    is(keys %asked, 300, 'every experiment was asked for');
    is_deeply([grep { $asked{$_} > 1 } sort keys %asked], [], 'none twice');
    is($bed->sql('consumer', "SELECT COUNT(*) FROM synced_event WHERE from_state = 'Ingested'"), 300,
        'each has moved on once');
    is($bed->sql('consumer',
        "SELECT COUNT(*) FROM synced_experiment WHERE state = 'Ingested' OR lease_owner IS NOT NULL"), 0,
        'none is left, none is held');
    settle($bed);
};

subtest 'a lease that ends while a tick is far beyond its place' => sub {
    my $left = follow($bed, provider => $fake->url, uid => 'left.1', due => -1000);
    my @ids = map { follow($bed, provider => $fake->url, uid => "beyond.$_", due => -10) } 1 .. 300;
    change($bed, $left, "lease_owner = 'gone:1:1:1', lease_until = UTC_TIMESTAMP(6) + INTERVAL 2 SECOND");
    my $before = $fake->requests;
    open(my $file, '>', $gate) or die "$gate: $!\n";
    my $pid = $bed->start('tardis-consumer', 'tick');
    Testbed::Servers::wait_until(20, sub { $fake->requests - $before >= 8 }) or die "the tick asks nothing\n";
    is(row($bed, $left, 'lease_owner'), 'gone:1:1:1', 'it is another one\'s when the tick begins');
    Testbed::Servers::wait_until(20, sub { row($bed, $left, 'lease_until <= UTC_TIMESTAMP(6)') });
    unlink $gate;
    waitpid $pid, 0;
    is((grep { state($bed, $_) eq 'Requested' } @ids), 300, 'the others have moved on');
    is(state($bed, $left), 'Requested', 'and so has what was left');
    settle($bed);
};

subtest 'SIGTERM' => sub {
    my @ids = map { follow($bed, provider => $fake->url, uid => "stopped.$_") } 1 .. 20;
    my $before = $fake->requests;
    open(my $file, '>', $gate) or die "$gate: $!\n";
    my $pid = $bed->start('tardis-consumer', 'tick');
    Testbed::Servers::wait_until(20, sub { $fake->requests - $before >= 8 }) or die "the tick asks nothing\n";
    kill 'TERM', $pid;
    sleep 0.3;
    unlink $gate;
    waitpid $pid, 0;
    is($?, 0, 'it ends well');
    is((grep { state($bed, $_) eq 'Requested' } @ids), 8, 'what was in flight is saved');
    is($fake->requests - $before, 8, 'nothing more was begun');
    is((grep { row($bed, $_, 'next_attempt_at <= UTC_TIMESTAMP(6) AND lease_owner IS NULL') } @ids), 20,
        'the rest is due at once and free');
    settle($bed);
};

subtest 'a lease that was lost' => sub {
    my $id = follow($bed, provider => $fake->url, uid => 'lost.1');
    my $before = $fake->requests;
    open(my $file, '>', $gate) or die "$gate: $!\n";
    my $pid = $bed->start('tardis-consumer', 'tick');
    Testbed::Servers::wait_until(20, sub { $fake->requests > $before }) or die "the tick asks nothing\n";
    change($bed, $id, "lease_owner = 'somebody:else:1'");
    unlink $gate;
    waitpid $pid, 0;
    is($?, 0, 'does not make the tick fail');
    is(state($bed, $id), 'Ingested', 'nothing is written over what another does');
    is(row($bed, $id, 'lease_owner'), 'somebody:else:1', 'who still holds it');
    is_deeply([events($bed, $id)], [], 'no history either');
    settle($bed);
};

for my $renewed (0, 1) {
    my $name = 'a notification that comes while a step is under way' . ($renewed ? ', and a renewal' : '');
    subtest $name => sub {
        my $id = follow($bed, provider => $fake->url, uid => "notified.$renewed", state => 'InProgress');
        $bed->set_option('consumer', 'poll_interval', 1000);
        $bed->set_option('consumer', 'lease_seconds', $renewed ? 10 : 120);
        my $before = $fake->requests;
        open(my $file, '>', $gate) or die "$gate: $!\n";
        my $pid = $bed->start('tardis-consumer', 'tick');
        Testbed::Servers::wait_until(20, sub { $fake->requests > $before }) or die "the tick asks nothing\n";
        my $until = row($bed, $id, 'lease_until');
        is(notify_of($bed, "notified.$renewed"), 204, 'it is accepted');
        Testbed::Servers::wait_until(20, sub { row($bed, $id, 'lease_until') gt $until }) or die "not renewed"
            if $renewed;
        is(row($bed, $id, 'lease_until > UTC_TIMESTAMP(6) AND next_attempt_at >= lease_until'), 1,
            'nobody else takes it now');
        unlink $gate;
        waitpid $pid, 0;
        is(row($bed, $id, 'next_attempt_at <= UTC_TIMESTAMP(6)'), 1, 'is not forgotten: it is due at once');
        tick($bed);
        is(row($bed, $id, 'next_attempt_at > UTC_TIMESTAMP(6)'), 1, 'and once only');
        settle($bed);
    };
}

done_testing;
