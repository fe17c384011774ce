#!/usr/bin/perl
# A person gives an experiment up: it ends in FailPermanent with a code of its own, the history and the mail say
# who and why, and a step that is under way writes nothing.

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
my $user = (getpwuid($>))[0];
my $fake = FakeServer->new(parallel => 1, handler => sub {
    for (1 .. 200) { last unless -e $gate; sleep 0.05 }
    return {status => 200, body => 'OK'} if $_[0]{method} eq 'POST';
    return answer(status => 2);
});
add_provider($bed, $fake->url, KEY);
$bed->set_option('consumer', 'mail_administrators', '{"ops@uni.example"}');

sub consumer { return $bed->run('tardis-consumer', @_) }
sub mails { return $bed->sql('consumer',
    'SELECT recipient, subject, body FROM notification WHERE experiment_id = ? ORDER BY id', $_[0]) }

subtest 'from every state that is not the end' => sub {
    for my $state (qw(Ingested Requested InProgress CheckingIntegrity)) {
        my $id = follow($bed, provider => $fake->url, uid => "tardis.$state", state => $state,
            owners => ['ada@uni.example']);
        my ($status, $out, $err) = consumer('cancel', $id, '--reason', 'wrong sample');
        is($status, 0, "from $state") or diag $err;
        is($out, "experiment $id (tardis.$state) is FailPermanent [cancelled_by_hand]; it was $state\n", 'it says so');
        is_deeply([row($bed, $id, qw(state error_code error_text next_attempt_at lease_owner))],
            ['FailPermanent', 'cancelled_by_hand', "$user gave it up: wrong sample", undef, undef], 'it has ended');
        is_deeply([events($bed, $id)], ["manual $state FailPermanent cancelled_by_hand"], 'the history tells');
        my @mails = mails($id);
        is_deeply([map { $_->[0] } @mails], ['ops@uni.example'], 'who is told of failures is told, owners are not');
        like($mails[0][1], qr/^\[tardis\] experiment $id has failed \(cancelled_by_hand\)/, 'as of any other');
        like($mails[0][2], qr/in state $state:\n\n    \Q$user\E gave it up: wrong sample/, 'with the reason');
    }
    like((tick($bed, '--now'))[1], qr/^tick: 0 stepped/, 'nothing is stepped any more');
};

subtest 'what cannot be given up' => sub {
    my $failed = $bed->sql('consumer', "SELECT MIN(experiment_id) FROM synced_experiment");
    my ($status, $out, $err) = consumer('cancel', $failed, '--reason', 'again');
    is($status, 1, 'what has failed');
    like($err, qr/is FailPermanent: there is nothing to give up \[conflict\]/, 'is told');
    is(scalar(my @mails = mails($failed)), 1, 'no second mail');
    is((consumer('cancel', $failed))[0], 64, 'a reason is required');
    is((consumer('cancel', '--reason', 'x'))[0], 64, 'and an experiment');
    is((consumer('cancel', 'tardis.nobody', '--reason', 'x'))[0], 66, 'that there is');
    my $id = follow($bed, provider => $fake->url, uid => 'tardis.more');
    ($status, $out, $err) = consumer('cancel', $failed, 'tardis.more', '--reason', 'x');
    is($status, 1, 'of several');
    is(state($bed, $id), 'FailPermanent', 'the others are given up');
};

subtest 'while it is being stepped' => sub {
    my $id = follow($bed, provider => $fake->url, uid => 'tardis.busy');
    my $before = $fake->requests;
    open(my $file, '>', $gate) or die "$gate: $!\n";
    my $pid = $bed->start('tardis-consumer', 'tick');
    Testbed::Servers::wait_until(20, sub { $fake->requests > $before }) or die "the tick asks nothing\n";
    is((consumer('cancel', $id, '--reason', 'too late'))[0], 0, 'cancelled');
    unlink $gate;
    waitpid $pid, 0;
    is($?, 0, 'the tick ends well');
    is_deeply([row($bed, $id, qw(state next_attempt_at))], ['FailPermanent', undef], 'it stays given up');
    is_deeply([events($bed, $id)], ['manual Ingested FailPermanent cancelled_by_hand'], 'the step has written nothing');
};

subtest 'what is held' => sub {
    my $id = follow($bed, provider => $fake->url, uid => 'tardis.held');
    consumer('hold', $id, '--reason', 'wait');
    is((consumer('cancel', $id, '--reason', 'enough'))[0], 0, 'is given up');
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM experiment_hold'), 0, 'and held no longer');
    is((consumer('retry', $id))[0], 0, 'started again');
    is(row($bed, $id, 'next_attempt_at <= UTC_TIMESTAMP(6)'), 1, 'it is due');
    like((consumer('why', $id))[1], qr/Experiment/i, 'why still has a story to tell');
};

done_testing;
