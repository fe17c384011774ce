#!/usr/bin/perl
# prune removes the history of what finished long ago, and nothing else: how an experiment came and how it
# ended, mail that waits, and everything that may still be needed stay.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Followed;
use Test::More;
use Testbed;

my $bed = Testbed->new;

# ($state, $days, $noise): an experiment that ended so long ago, with so many errors on its way, one mail
# that was sent and one that waits.
sub ended {
    my ($state, $days, $noise) = @_;
    my $id = follow($bed, state => $state);
    my @events = (['registration', undef, 'Ingested', undef], ['transition', 'Ingested', 'Requested', undef],
        (['error', undef, undef, 'provider_timeout']) x $noise,
        ['transition', 'Requested', 'FailPermanent', 'provider_timeout'],
        ['manual', 'FailPermanent', 'Ingested', undef],
        ['registration', undef, 'Ingested', undef], ['transition', 'CheckingIntegrity', $state, undef]);
    my $values = join ', ', ("(?, UTC_TIMESTAMP(6), 'h', ?, ?, ?, ?, 'text')") x @events;
    $bed->sql('consumer', "INSERT INTO synced_event
        (experiment_id, at, host, kind, from_state, to_state, code, text) VALUES $values",
        map { $id, @$_ } @events);
    $bed->sql('consumer', "INSERT INTO notification
        (experiment_id, recipient, subject, body, created_at, sent_at, next_attempt_at) VALUES
        (?, 'sent', 's', 'b', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), NULL),
        (?, 'waiting', 's', 'b', UTC_TIMESTAMP(6), NULL, UTC_TIMESTAMP(6))", $id, $id);
    $bed->sql('consumer', 'UPDATE synced_experiment SET next_attempt_at = NULL,
        state_since = UTC_TIMESTAMP(6) - INTERVAL ? HOUR WHERE experiment_id = ?', $days * 24 + 1, $id);
    return $id;
}

sub mails {
    return join ' ', map { $_->[0] } $bed->sql('consumer',
        'SELECT recipient FROM notification WHERE experiment_id = ? ORDER BY id', $_[0]);
}

sub prune { return $bed->run('tardis-consumer', 'prune', @_) }

my $old = ended('Complete', 30, 2500);
my $recent = ended('Complete', 29, 3);
my $failed = ended('FailPermanent', 400, 3);
my $pending = ended('InProgress', 400, 3);
my @many = map { ended('Complete', 100, 1) } 1 .. 5;
my $removed = 2500 + 3 + 5 * 4;
my @trimmed = (('registration - Ingested -') x 2, 'transition CheckingIntegrity Complete -');
my $since = "that finished more than 30 days ago\n";
my %before = map { $_ => [events($bed, $_)] } $old, $recent, $failed, $pending, @many;

subtest 'usage' => sub {
    is((prune())[0], 64, 'how old is not left to a default');
    is((prune('--older-than', $_))[0], 64, "$_ is no number of days") for qw(0 -1 x 1d 99999999999999999999);
    is_deeply([events($bed, $old)], $before{$old}, 'nothing was removed');
};

subtest '--dry-run' => sub {
    my ($status, $out, $err) = prune('--older-than', 30, '--dry-run');
    is($status, 0, 'works') or diag $err;
    is($out, "prune: $removed events and 6 mails would be removed from 6 experiments $since",
        'tells how much it would be');
    is_deeply([events($bed, $_)], $before{$_}, 'nothing was removed') for $old, $many[0];
    is(mails($old), 'sent waiting', 'no mail either');
};

subtest 'what is complete' => sub {
    my ($status, $out, $err) = prune('--older-than', 30);
    is($status, 0, 'works') or diag $err;
    is($out, "prune: $removed events and 6 mails were removed from 6 experiments $since",
        'tells how much it was');
    is_deeply([events($bed, $_)], \@trimmed, 'registrations and the end are left') for $old, @many;
    is(mails($old), 'waiting', 'and the mail that waits');
    is(state($bed, $old), 'Complete', 'the experiment is as it was');
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM datafile WHERE experiment_id = ?', $old), 1,
        'with its files');
    for my $id ($recent, $failed, $pending) {
        is_deeply([events($bed, $id)], $before{$id}, 'what is recent, failed or pending keeps its history');
        is(mails($id), 'sent waiting', 'and its mails');
    }
    is(($bed->run('tardis-consumer', $_, $old))[0], 0, "$_ still works") for 'show', 'why';
    ($status, $out) = prune('--older-than', 30);
    is($out, "prune: 0 events and 0 mails were removed from 0 experiments $since",
        'a second time finds nothing');
};

subtest 'what has failed' => sub {
    my ($status, $out, $err) = prune('--older-than', 30, '--failed');
    is($status, 0, 'works') or diag $err;
    like($out, qr/^prune: 6 events and 1 mail were removed from 1 experiment that/, 'tells how much it was');
    is((events($bed, $failed))[-1], 'transition CheckingIntegrity FailPermanent -', 'the end is left');
    is_deeply([events($bed, $pending)], $before{$pending}, 'what is pending keeps its history');
};

subtest 'what was started again meanwhile' => sub {
    my $id = ended('FailPermanent', 50, 3);
    is(($bed->run('tardis-consumer', 'retry', $id))[0], 0, 'it is started again');
    my @history = events($bed, $id);
    prune('--older-than', 1, '--failed');
    is_deeply([events($bed, $id)], \@history, 'its history stays');
};

done_testing;
