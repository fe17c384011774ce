#!/usr/bin/perl
# Experiments that no program would have written so: in a state that is not known, with a status document that is no
# JSON, with NULL where none belongs, of a provider that is gone or is no URL, with texts that are far too long. They
# are reported and skipped; the others go on.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use FakeServer;
use Followed;
use JSON::PP;
use Test::More;
use Testbed;

my $bed = Testbed->new;
$bed->set_option('consumer', 'retry_minimum', 1000);
$bed->set_option('consumer', 'retry_maximum', 2000);
$bed->set_option('consumer', 'poll_interval', 1000);
my $fake = FakeServer->new(handler => sub {
    my ($request) = @_;
    return {status => 200, body => 'OK'} if $request->{method} eq 'POST';
    return answer(status => 2, progress => '1 of 2 files');
});
my $keyless = $fake->url . '/keyless';
add_provider($bed, $fake->url, KEY);
unlink add_provider($bed, $keyless, KEY);

# A database that somebody has made free with.
my @columns = ('uid VARCHAR(255) COLLATE utf8mb4_bin', 'provider_url VARCHAR(255) COLLATE utf8mb4_bin',
    'document_digest BINARY(32)', 'state VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin', 'state_since DATETIME(6)',
    'moved_at DATETIME(6)', 'attempts INT UNSIGNED', 'checked_through INT UNSIGNED', 'bytes_checked BIGINT UNSIGNED',
    'created_at DATETIME(6)', 'updated_at DATETIME(6)');
$bed->sql('consumer', 'ALTER TABLE synced_experiment ' . join(', ', map { "MODIFY $_ NULL" } @columns));
$bed->sql('consumer', 'ALTER TABLE experiment MODIFY title TEXT NULL, MODIFY file_count INT UNSIGNED NULL,
    MODIFY byte_count BIGINT UNSIGNED NULL');

# What is changed in the row of an experiment under way, and what is said of it; undef: it goes on all the same.
my $long = 'x' x 60_000;
my %odd = (
    'an unknown state' => ["state = 'Transcendent'", 'database_row_invalid'],
    'no state' => ["state = ''", 'database_row_invalid'],
    'broken JSON' => ["status_document = '{\"status\": 2, \"mess'", undef],
    'JSON of another kind' => ["status_document = '[[[1]]]'", undef],
    'a huge status document' => ["status_document = '$long'", undef],
    'a huge error' => ["error_code = 'provider_error', error_text = '$long', attempts = 4294967290", undef],
    'an error that is not known' => ["error_code = 'gremlins', error_text = 'x', attempts = 1", undef],
    'a provider without a section' => ["provider_url = 'https://gone.example'", 'provider_unknown'],
    'a provider without a key' => ["provider_url = '$keyless'", 'provider_unknown'],
    'a provider that is no URL' => ["provider_url = 'not at all'", 'provider_unknown'],
    'a provider without a name' => ["provider_url = ''", 'provider_unknown'],
    'a provider of another kind' => ["provider_url = 'gopher://old.example/1'", 'provider_unknown'],
    'a uid that is none' => ["uid = '../../etc/passwd?x=1&y'", 'database_row_invalid'],
    'a strange lease' => ["lease_owner = '::::', lease_until = '1000-01-01'", undef],
    'half a lease' => ["lease_owner = 'a:b:c:d', lease_until = NULL", undef],
    'a time long ago' => ["next_attempt_at = '1000-01-01'", undef],
    'a time far ahead' => ["state_since = '9999-12-31', moved_at = '9999-12-31'", undef],
);
for (map { /^(\w+)/ } @columns) {
    my $invalid = /^(?:uid|state|state_since|moved_at)$/;
    $odd{"NULL as $_"} = ["$_ = NULL", $invalid ? 'database_row_invalid' : /^provider/ ? 'provider_unknown' : undef];
}

sub good {
    my ($name) = @_;
    return map { follow($bed, provider => $fake->url, uid => "$name.$_", state => 'InProgress') } 1 .. 12;
}

my @good = good('before');
my %id;
for my $name (sort keys %odd) {
    $id{$name} = follow($bed, provider => $fake->url, state => 'InProgress', due => -10);
    change($bed, $id{$name}, $odd{$name}[0]);
}
$id{"NULL as $_"} = follow($bed, provider => $fake->url, state => 'InProgress') for qw(title file_count byte_count);
$bed->sql('consumer', "UPDATE experiment SET $_ = NULL WHERE id = ?", $id{"NULL as $_"})
    for qw(title file_count byte_count);
push @good, good('after');

my ($status, $out, $err) = tick($bed);
is($status, 0, 'the tick ends well') or diag $err;
is((grep { row($bed, $_, "attempts = 0 AND error_code IS NULL AND status_document IS NOT NULL
    AND lease_owner IS NULL AND next_attempt_at > UTC_TIMESTAMP(6)") } @good), @good, 'the others go on');
for my $name (sort keys %id) {
    my ($code, $free) = row($bed, $id{$name}, 'error_code', 'lease_owner IS NULL AND lease_until IS NULL
        AND next_attempt_at > UTC_TIMESTAMP(6)');
    my $expected = $odd{$name} ? $odd{$name}[1] : undef;
    is($code // 'fine', $expected // 'fine', "$name: is reported or does not matter");
    ok($free, "$name: is left alone for a while");
    like($err, qr/experiment $id{$name}: .*\[\Q$expected\E\]/, "$name: is named in the log") if $expected;
    is(($bed->run('tardis-consumer', $_, $id{$name}))[0], 0, "$name: $_ can tell of it") for qw(show why);
}
($status, $out) = tick($bed);
like($out, qr/^tick: 0 stepped/, 'none is stepped again and again');
for my $command (['list'], ['list', '--json'], ['metrics']) {
    ($status, $out, $err) = $bed->run('tardis-consumer', @$command);
    is($status, 0, "@$command works with them") or diag $err;
}
settle($bed);

subtest 'an experiment without a description of itself' => sub {
    my $lost = follow($bed, provider => $fake->url, state => 'CheckingIntegrity', due => -100);
    my $whole = follow($bed, provider => $fake->url, state => 'CheckingIntegrity', files => {a => 'x'});
    put_files($bed, $whole, {a => 'x'});
    $bed->sql('consumer', 'ALTER TABLE synced_experiment DROP FOREIGN KEY synced_experiment_experiment');
    $bed->sql('consumer', 'DELETE FROM experiment WHERE id = ?', $lost);
    tick($bed) for 1 .. 2;
    is(state($bed, $whole), 'Complete', 'does not keep the others');
};

done_testing;
