#!/usr/bin/perl
# The database goes away before, while and after a step: the tick says so, nothing is half written, and the
# next one goes on.

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
$bed->set_option('consumer', 'lease_seconds', 1);
$bed->set_option('consumer', 'total_timeout', 5);
$bed->expect_log(qr/tardis/); # the modules may notice as well
my $gate = $bed->dir . '/gate'; # the provider answers when it is gone
my $fake = FakeServer->new(handler => sub {
    my ($request) = @_;
    for (1 .. 200) { last unless -e $gate; sleep 0.05 }
    return {status => 200, body => 'OK'} if $request->{method} eq 'POST';
    return answer(status => $request->{path} =~ /busy/ ? 2 : 1, progress => '1 of 1 files');
});
add_provider($bed, $fake->url, KEY);

subtest 'away from the start' => sub {
    my $id = follow($bed, provider => $fake->url);
    $bed->stop_db;
    my ($status, $out, $err) = tick($bed);
    is($status, 75, 'a tick tells to try again later');
    is($out, '', 'and sums up nothing');
    is(scalar(() = $err =~ /\[database_unavailable\]/g), 1, 'with the cause, once');
    for my $command (['list'], ['show', $id], ['retry', $id]) {
        ($status) = $bed->run('tardis-consumer', @$command);
        is($status, 75, "so does $command->[0]");
    }
    $bed->start_db;
    ($status) = tick($bed);
    is($status, 0, 'it works once the database is back');
    is(state($bed, $id), 'Requested', 'and goes on');
    settle($bed);
};

# ($id): starts a tick, and waits until its request has reached the provider.
sub tick_that_waits {
    my $before = $fake->requests;
    open(my $file, '>', $gate) or die "$gate: $!\n";
    my $pid = $bed->start('tardis-consumer', 'tick');
    Testbed::Servers::wait_until(20, sub { $fake->requests > $before }) or die "the tick asks nothing\n";
    return $pid;
}

sub finish_tick {
    my ($pid) = @_;
    unlink $gate;
    waitpid $pid, 0;
    return $? >> 8;
}

for my $case (['Ingested', 'a', 'Requested'], ['Requested', 'busy', 'InProgress'], ['InProgress', 'b',
    'CheckingIntegrity']) {
    my ($state, $name, $next) = @$case;
    subtest "away while the provider answers in $state" => sub {
        my $id = follow($bed, provider => $fake->url, uid => "tardis.$name.$state", state => $state);
        my $pid = tick_that_waits();
        $bed->stop_db;
        is(finish_tick($pid), 75, 'the tick tells to try again later');
        $bed->start_db;
        is(state($bed, $id), $state, 'nothing was written');
        is_deeply([events($bed, $id)], [], 'no history of what was not saved');
        sleep 1.1;
        my ($status) = tick($bed);
        is($status, 0, 'the next tick, after the lease, works');
        is(state($bed, $id), $next, 'and goes on');
        is(scalar(my @lines = grep { /^transition/ } events($bed, $id)), 1, 'told once');
        settle($bed);
    };
    subtest "restarted while the provider answers in $state" => sub {
        my $id = follow($bed, provider => $fake->url, uid => "tardis.$name.$state.2", state => $state);
        my $pid = tick_that_waits();
        $bed->restart_db;
        my $status = finish_tick($pid);
        ok($status == 75 || $status == 0, 'the tick ends') or diag $status;
        sleep 1.1;
        tick($bed) if state($bed, $id) eq $state;
        is(state($bed, $id), $next, 'the experiment goes on');
        is(scalar(my @lines = grep { /^transition/ } events($bed, $id)), 1, 'told once');
        settle($bed);
    };
}

subtest 'away while files are checked' => sub {
    my $id = follow($bed, state => 'CheckingIntegrity', files => {a => 'x', z => {size => 8 * 2 ** 30}});
    put_files($bed, $id, {a => 'x', z => ''});
    truncate $bed->env('CONSUMER_STORE') . "/$id/z", 8 * 2 ** 30;
    my $pid = $bed->start('tardis-consumer', 'tick');
    Testbed::Servers::wait_until(30, sub { row($bed, $id, 'checked_through') == 1 })
        or die "nothing was checked\n";
    $bed->stop_db;
    truncate $bed->env('CONSUMER_STORE') . "/$id/z", 0;
    waitpid $pid, 0;
    is($? >> 8, 75, 'the tick tells to try again later');
    $bed->start_db;
    is(state($bed, $id), 'CheckingIntegrity', 'it stays');
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM file_problem'), 0, 'no file was blamed');
    $bed->sql('consumer', 'UPDATE datafile SET size = 0, digest = NULL
        WHERE experiment_id = ? AND number = 2', $id);
    sleep 1.1;
    tick($bed);
    is(state($bed, $id), 'Complete', 'the next tick finishes it');
};

subtest 'away while mail is sent' => sub {
    my $sink = SmtpSink->new(silent => 1);
    $bed->set_option('consumer', 'smtp_url', '"' . $sink->url . '"');
    $bed->set_option('consumer', 'mail_administrators', '{"ops@uni.example"}');
    my $id = follow($bed, state => 'CheckingIntegrity', files => {a => 'x'});
    put_files($bed, $id, {a => 'x'});
    my $pid = $bed->start('tardis-consumer', 'tick');
    my $claimed = 'SELECT COUNT(*) FROM notification WHERE lease_owner IS NOT NULL';
    Testbed::Servers::wait_until(20, sub { $bed->sql('consumer', $claimed) }) or die "no mail is sent\n";
    is(state($bed, $id), 'Complete', 'the state was saved before');
    $bed->stop_db;
    waitpid $pid, 0;
    is($? >> 8, 75, 'the tick tells to try again later');
    $bed->start_db;
    my $working = SmtpSink->new;
    $bed->set_option('consumer', 'smtp_url', '"' . $working->url . '"');
    $bed->sql('consumer', 'UPDATE notification SET next_attempt_at = UTC_TIMESTAMP(6)');
    tick($bed);
    is(scalar $working->messages, 1, 'the mail is not lost');
};

done_testing;
