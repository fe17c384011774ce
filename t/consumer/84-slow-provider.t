#!/usr/bin/perl
# A provider that hangs keeps no other waiting, and one that is gone is not asked again and again within a tick.

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
$bed->set_option('consumer', 'retry_minimum', 100);
$bed->set_option('consumer', 'retry_maximum', 1000);
my $gate = $bed->dir . '/gate';

subtest 'one that hangs' => sub {
    my $hanging = FakeServer->new(parallel => 1, handler => sub {
        for (1 .. 400) { last unless -e $gate; sleep 0.05 }
        return {status => 200, body => 'OK'};
    });
    my $well = FakeServer->new(parallel => 1, handler => sub { return {status => 200, body => 'OK'} });
    add_provider($bed, $_->url, KEY) for $hanging, $well;
    my @slow = map { follow($bed, provider => $hanging->url, uid => "slow.$_", due => -100) } 1 .. 300;
    my @fast = map { follow($bed, provider => $well->url, uid => "fast.$_") } 1 .. 300;
    open(my $file, '>', $gate) or die "$gate: $!\n";
    my $pid = $bed->start('tardis-consumer', 'tick');
    my $done = Testbed::Servers::wait_until(20, sub {
        return $bed->sql('consumer', "SELECT COUNT(*) FROM synced_experiment WHERE uid LIKE 'fast.%'
            AND state <> 'Ingested'") == 300;
    });
    ok($done, 'all of the other provider have moved on meanwhile');
    is($bed->sql('consumer', "SELECT COUNT(*) FROM synced_event WHERE from_state = 'Ingested'
        AND experiment_id IN (SELECT experiment_id FROM synced_experiment WHERE uid LIKE 'slow.%')"), 0,
            'and none of its own');
    cmp_ok(scalar $hanging->requests, '<=', 8, 'which is asked no more than it may be at a time');
    unlink $gate;
    waitpid $pid, 0;
    is($?, 0, 'the tick succeeds');
    is((grep { state($bed, $_) eq 'Ingested' } @slow), 0, 'it answers in the end, and all of its have moved on');
    settle($bed);
};

subtest 'so many that hang that they use up all requests' => sub {
    $bed->set_option('consumer', 'parallel', 8);
    $bed->set_option('consumer', 'parallel_per_provider', 4);
    my @hanging = map { FakeServer->new(parallel => 1, handler => sub {
        for (1 .. 400) { last unless -e $gate; sleep 0.05 }
        return {status => 200, body => 'OK'};
    }) } 1 .. 3;
    my $well = FakeServer->new(parallel => 1, handler => sub { return {status => 200, body => 'OK'} });
    add_provider($bed, $_->url, KEY) for @hanging, $well;
    for my $fake (@hanging) {
        follow($bed, provider => $fake->url, due => -100) for 1 .. 20;
    }
    my @fast = map { follow($bed, provider => $well->url) } 1 .. 50;
    open(my $file, '>', $gate) or die "$gate: $!\n";
    my $pid = $bed->start('tardis-consumer', 'tick');
    ok(Testbed::Servers::wait_until(15, sub { $bed->sql('consumer', "SELECT COUNT(*) FROM synced_experiment
        WHERE provider_url = ? AND state <> 'Ingested'", $well->url) == 50 }), 'all of the one that does not are asked for');
    is((grep { scalar $_->requests > 4 } @hanging), 0, 'while the others have no more requests than they may');
    unlink $gate;
    waitpid $pid, 0;
    is($?, 0, 'the tick succeeds');
    $bed->set_option('consumer', 'parallel', 64);
    $bed->set_option('consumer', 'parallel_per_provider', 8);
    settle($bed);
};

subtest 'one that is gone' => sub {
    for my $state (qw(Ingested InProgress)) {
        my $gone = FakeServer->new(handler => sub { return {close => 1} });
        add_provider($bed, $gone->url, KEY);
        my @ids = map { follow($bed, provider => $gone->url, uid => "gone.$state.$_", state => $state) } 1 .. 60;
        my ($status, $out) = tick($bed);
        is($status, 0, 'the tick succeeds');
        cmp_ok(scalar $gone->requests, '<=', 3 + 2 * 8, 'it is left alone after a few requests');
        cmp_ok(scalar $gone->requests, '>=', 3, 'but not before');
        my @rows = map { [row($bed, $_, qw(state error_code attempts error_text),
            'next_attempt_at > UTC_TIMESTAMP(6) AND lease_owner IS NULL')] } @ids;
        is((grep { $_->[0] eq $state && $_->[1] eq 'provider_unreachable' && $_->[2] == 1 && $_->[4] } @rows), 60,
            'each has its error and is tried again later');
        cmp_ok((grep { $_->[3] =~ /^not asked, as the provider has failed since \S+; left alone until \S+; last: \S/ } @rows), '>=',
            60 - 3 - 2 * 8, 'which says that it was not asked');
        my ($errors, $put_off) = $out =~ /60 stepped, .* (\d+) errors, (\d+) put off/;
        is($errors + $put_off, 60, 'counted');
        settle($bed);
    }
};

done_testing;
