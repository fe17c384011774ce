#!/usr/bin/perl
# retry --all-failed starts again what failed, all or by error and provider, however many there are; --dry-run
# only tells.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Followed;
use Test::More;
use Testbed;

my $bed = Testbed->new;
my @urls = ('http://127.0.0.1:9', 'http://127.0.0.1:10');
my $user = (getpwuid($>))[0];

sub consumer { return $bed->run('tardis-consumer', @_) }
sub failed { my ($url, $code) = @_; my $id = follow($bed, provider => $url);
    change($bed, $id, "state = 'FailPermanent', error_code = '$code', next_attempt_at = NULL, attempts = 3");
    return $id }
my @ids = (failed($urls[0], 'key_refused'), failed($urls[0], 'digest_mismatch'), failed($urls[1], 'key_refused'));
my $pending = follow($bed, provider => $urls[0], state => 'Requested', due => 1000);
my $complete = follow($bed, provider => $urls[0], state => 'Complete');
sub states { return [map { state($bed, $_) eq 'Ingested' ? 1 : 0 } @ids] }

subtest 'usage' => sub {
    for my $case ([qr/name the experiments to start again, or give --all-failed/],
        [qr/or give --all-failed/, '--all-failed', $ids[0]], [qr/select among --all-failed/, $ids[0], '--code', 'x'],
        [qr/select among --all-failed/, $ids[0], '--provider', $urls[0]],
        [qr/no such error; perhaps you meant "key_refused"/, '--all-failed', '--code', 'key_refuse'],
        [qr/no such error \[usage\]/, '--all-failed', '--code', 'xyzzy']) {
        my ($text, @arguments) = @$case;
        my ($status, $out, $err) = consumer('retry', @arguments);
        is($status, 64, "retry @arguments");
        like($err, $text, 'tells what is wrong');
    }
    is((consumer('retry', '--all-failed', '--provider', 'https://nobody.example'))[0], 66, 'an unknown provider');
    is_deeply(states(), [0, 0, 0], 'nothing was done');
};

subtest '--dry-run' => sub {
    my ($status, $out, $err) = consumer('retry', '--all-failed', '--dry-run');
    is($status, 0, 'works') or diag $err;
    is(scalar(() = $out =~ /^experiment \d+ \(tardis\.\d+\) would be started again; it failed \S+Z \[\w+\]$/mg), 3,
        'a line for each');
    like($out, qr/^retry: 3 experiments would be started again\n\z/m, 'and a summary');
    ($status, $out, $err) = consumer('retry', $ids[0], $pending, '--dry-run');
    is($status, 1, 'by id: what cannot be started again is told');
    like($err, qr/is Requested; only a FailPermanent one can be restarted \[conflict\]/, 'with the reason');
    like($out, qr/^experiment $ids[0] .*\nretry: 1 experiment would be started again\n\z/, 'and what can');
    is_deeply(states(), [0, 0, 0], 'nothing was done');
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM synced_event'), 0, 'nor noted');
};

subtest 'by error and by provider' => sub {
    my ($status, $out) = consumer('retry', '--all-failed', '--code', 'file_missing');
    is("$status $out", "0 retry: 0 experiments started again\n", 'there may be none');
    ($status, $out) = consumer('retry', '--all-failed', '--code', 'key_refused', '--provider', "$urls[1]/");
    is($status, 0, 'both');
    like($out, qr/^experiment $ids[2] \(\S+\) is Ingested again; .*\nretry: 1 experiment started again\n\z/, 'tells');
    is_deeply(states(), [0, 0, 1], 'that one only');
    consumer('retry', '--all-failed', '--code', 'digest_mismatch');
    is_deeply(states(), [0, 1, 1], 'an error');
    consumer('retry', '--all-failed', '--provider', $urls[0]);
    is_deeply(states(), [1, 1, 1], 'a provider');
    is_deeply([map { state($bed, $_) } $pending, $complete], ['Requested', 'Complete'], 'nothing else');
    is_deeply([row($bed, $ids[0], qw(attempts error_code))], [0, undef], 'it begins anew');
    is((events($bed, $ids[0]))[-1], 'manual FailPermanent Ingested -', 'with an event');
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM synced_event WHERE text = ?', "$user started it again"), 3,
        'that names the user');
};

subtest 'very many' => sub {
    my $model = failed($urls[0], 'key_refused');
    $bed->sql('consumer', 'INSERT INTO experiment (title, description, institution, created_at, updated_at)
        SELECT s.seq, "", "", UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM seq_1_to_1200 s');
    $bed->sql('consumer', 'INSERT INTO synced_experiment (experiment_id, uid, provider_url, document_digest, state,
        state_since, moved_at, next_attempt_at, error_code, created_at, updated_at)
        SELECT e.id, CONCAT("many.", e.id), m.provider_url, m.document_digest, m.state, m.state_since, m.moved_at,
        NULL, m.error_code, m.created_at, m.updated_at FROM experiment e JOIN synced_experiment m
        ON m.experiment_id = ? WHERE e.id > m.experiment_id', $model);
    my ($status, $out, $err) = consumer('retry', '--all-failed', '--dry-run');
    like($out, qr/^retry: 1201 experiments would be/m, 'are counted');
    consumer('hold', '--provider', $urls[0], '--reason', 'later');
    ($status, $out, $err) = consumer('retry', '--all-failed');
    is($status, 0, 'are started again') or diag $err;
    like($out, qr/^retry: 1201 experiments started again\n\z/m, 'each once');
    like($out, qr/^experiment $model .* while it is held by .*: later$/m, 'those of a held provider stay held');
    is($bed->sql('consumer', "SELECT COUNT(*) FROM synced_event WHERE to_state = 'Ingested'
        AND experiment_id >= ?", $model), 1201, 'each with an event');
    is($bed->sql('consumer', "SELECT COUNT(*) FROM synced_experiment WHERE next_attempt_at IS NOT NULL
        AND experiment_id >= ?", $model), 0, 'none is due');
};

done_testing;
