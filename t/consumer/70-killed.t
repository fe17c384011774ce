#!/usr/bin/perl
# A tick that is killed with SIGKILL, wherever it is, changes nothing about where an experiment ends and what
# its history tells.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use FakeServer;
use Followed;
use SmtpSink;
use Test::More;
use Testbed;
use Testbed::Servers;
use Time::HiRes qw(sleep);

my $bed = Testbed->new;
$bed->set_option('consumer', 'mail_digest_threshold', 0); # each mail is looked for
my $sink = SmtpSink->new;
$bed->set_option('consumer', 'lease_seconds', 1);
$bed->set_option('consumer', 'total_timeout', 5);
$bed->set_option('consumer', 'smtp_url', '"' . $sink->url . '"');
$bed->set_option('consumer', 'mail_administrators', '{"ops@uni.example"}');
my $gate = $bed->dir . '/gate';
my $fake = FakeServer->new(handler => sub {
    my ($request) = @_;
    for (1 .. 100) { last unless -e $gate; sleep 0.05 }
    return {status => 200, body => 'OK'} if $request->{method} eq 'POST';
    return answer(status => 3, message => 'no more tape') if $request->{path} =~ /tapeless/;
    return answer(status => $request->{path} =~ /busy/ ? 2 : 1, progress => '1 of 1 files');
});
add_provider($bed, $fake->url, KEY);

subtest 'in each state, while the provider is asked' => sub {
    my %next = (Ingested => 'Requested', Requested => 'InProgress', InProgress => 'CheckingIntegrity');
    for my $state (sort keys %next) {
        my $uid = $state eq 'Requested' ? "busy.$state" : "done.$state";
        my $id = follow($bed, provider => $fake->url, uid => $uid, state => $state);
        my $before = $fake->requests;
        open(my $file, '>', $gate) or die "$gate: $!\n";
        my $pid = $bed->start('tardis-consumer', 'tick');
        Testbed::Servers::wait_until(20, sub { $fake->requests > $before }) or die "the tick asks nothing\n";
        ok(defined row($bed, $id, 'lease_owner'), "$state: the experiment is held");
        kill 'KILL', $pid;
        waitpid $pid, 0;
        unlink $gate;
        is(state($bed, $id), $state, 'nothing was written');
        my ($status, $out) = tick($bed);
        like($out, qr/^tick: 0 stepped/, 'another tick leaves it alone while the lease lasts');
        sleep 1.1;
        ($status, $out) = tick($bed);
        like($out, qr/^tick: 1 stepped, 1 moved on/, 'and takes it over afterwards');
        is(state($bed, $id), $next{$state}, 'to the state it would have come to');
        is_deeply([grep { /^transition/ } events($bed, $id)], ["transition $state $next{$state} -"],
            'told once');
        is((grep { /^request/ } events($bed, $id)), $state eq 'Ingested' ? 1 : 0,
            'of the tick that was killed no request is told');
        settle($bed);
    }
};

subtest 'while files are checked' => sub {
    my $id = follow($bed, state => 'CheckingIntegrity',
        files => {a => 'x', b => 'y', z => {size => 8 * 2 ** 30}});
    my $top = put_files($bed, $id, {a => 'x', b => 'wrong', z => ''});
    truncate "$top/z", 8 * 2 ** 30;
    my $pid = $bed->start('tardis-consumer', 'tick');
    Testbed::Servers::wait_until(30, sub { row($bed, $id, 'checked_through') == 2 })
        or die "nothing was checked\n";
    kill 'KILL', $pid;
    waitpid $pid, 0;
    is(state($bed, $id), 'CheckingIntegrity', 'it stays');
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM file_problem WHERE experiment_id = ?', $id), 1,
        'what was found is kept');
    truncate "$top/z", 0;
    unlink "$top/a";
    $bed->sql('consumer', 'UPDATE datafile SET size = 0, digest = NULL
        WHERE experiment_id = ? AND number = 3', $id);
    sleep 1.1;
    tick($bed);
    is(state($bed, $id), 'FailPermanent', 'the next tick finishes the check');
    like(row($bed, $id, 'error_text'), qr/^1 of 3 files is not as promised: b: size is/,
        'with what was found, and not from the start');
};

subtest 'at any moment' => sub {
    my (%good, %bad, %failing);
    my $add = sub {
        my ($n) = @_;
        my $files = {map { sprintf('f%02d', $_) => "content $_" x 100 } 1 .. 40};
        my $id = follow($bed, provider => $fake->url, uid => "good.$n", files => $files);
        put_files($bed, $id, $files);
        $good{$id} = 1;
        $id = follow($bed, provider => $fake->url, uid => "bad.$n", files => $files);
        put_files($bed, $id, {%$files, f03 => 'short', f30 => 'x' . 'content 30' x 100});
        $bad{$id} = 1;
        $failing{follow($bed, provider => $fake->url, uid => "tapeless.$n")} = 1;
    };
    my $count = 25;
    my $open = 'SELECT COUNT(*) FROM synced_experiment WHERE next_attempt_at IS NOT NULL';
    my ($rounds, $killed) = (0, 0);
    while ($rounds < $count || ($bed->sql('consumer', $open) && $rounds < 300)) {
        $add->($rounds) if $rounds++ < $count;
        my $pid = $bed->start('tardis-consumer', 'tick', '--now');
        sleep(rand() * ($rounds % 4 ? 0.05 : 0.15));
        $killed += kill 'KILL', $pid;
        waitpid $pid, 0;
        $killed-- if $? == 0;
        tick($bed, '--now') if $rounds > 100; # a slow machine: let some through
        sleep 0.1;
    }
    cmp_ok($killed, '>', 10, "many were killed ($killed of $rounds)");
    my %all = (%good, %bad, %failing);
    is($bed->sql('consumer', $open), 0, 'all come to an end');
    is((grep { state($bed, $_) eq 'Complete' } keys %good), $count, 'the good ones are complete');
    is((grep { row($bed, $_, 'error_code') eq 'size_mismatch' } keys %bad), $count,
        'the bad ones have failed');
    is((grep { row($bed, $_, 'error_code') eq 'transfer_failed' } keys %failing), $count,
        'so have those that the provider gave up');
    my $problems = 'SELECT GROUP_CONCAT(file_number ORDER BY file_number) FROM file_problem
        WHERE experiment_id = ?';
    is((grep { $bed->sql('consumer', $problems, $_) eq '3,30' } keys %bad), $count,
        'each bad one has its two problems')
        or diag map { $bed->sql('consumer', $problems, $_) . "\n" } keys %bad;
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM synced_experiment WHERE lease_owner IS NOT NULL'), 0,
        'nobody holds any');
    my @broken;
    for my $id (sort keys %all) {
        my $at = 'Ingested';
        for (grep { defined $_->[1] } $bed->sql('consumer', "SELECT from_state, to_state FROM synced_event
            WHERE experiment_id = ? AND kind = 'transition' ORDER BY id", $id)) {
            push @broken, "$id: $_->[0] -> $_->[1] at $at" if $_->[0] ne $at;
            $at = $_->[1];
        }
        push @broken, "$id: ends as $at" if $at ne state($bed, $id);
    }
    is_deeply(\@broken, [], 'every history leads from Ingested to where it ended, each transition told once');
    my $mails = 'SELECT COUNT(*), COUNT(DISTINCT experiment_id) FROM notification';
    my ($row) = $bed->sql('consumer', "$mails WHERE experiment_id IN (" . join(',', keys %all) . ')');
    is_deeply($row, [3 * $count, 3 * $count], 'one mail for each');
    for (1 .. 300) {
        last unless $bed->sql('consumer', 'SELECT COUNT(*) FROM notification WHERE sent_at IS NULL');
        $bed->sql('consumer', 'UPDATE notification SET next_attempt_at = UTC_TIMESTAMP(6)
            WHERE sent_at IS NULL');
        tick($bed);
    }
    my %told;
    $told{$_}++ for map { $_->{data} =~ /experiment (\d+)/ } $sink->messages;
    is_deeply([grep { !$told{$_} } sort keys %all], [], 'and each was delivered');
};

done_testing;
