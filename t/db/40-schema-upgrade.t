#!/usr/bin/perl
# An upgrade applies each step once: again, by several hosts at the same time, and after one was killed.
# Any other version is refused with what to do about it.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use PrivateDb;

my $server = PrivateDb->new;
my $client = $server->connect('provider');
my $needs = qr/is version 0, this program needs \d+: run/;
like(($client->ask('require provider'))[0],
    qr/^error schema_mismatch schema of the catalogue $needs "tardis-provider schema upgrade"$/,
    'an empty database is refused');
my ($ending, @applied) = $client->ask('upgrade provider');
is($ending, 'ok ', 'it is upgraded');
like("@applied", qr/^catalogue 1 (?:catalogue \d+ )*provider 1(?: provider \d+)*$/, 'step by step, the catalogue first');
is(($client->ask('require provider'))[0], 'ok ', 'then it is accepted');
is_deeply([$client->ask('upgrade provider')], ['ok '], 'a second upgrade has nothing to do');
like(($client->ask('require consumer'))[0],
    qr/^error schema_mismatch schema of the consumer $needs "tardis-consumer schema upgrade"$/,
    'the other side is not served by it');

my $newest = $server->sql('provider', "SELECT version FROM schema_version WHERE component = 'provider'");
$server->sql('provider', 'UPDATE schema_version SET version = 99 WHERE component = ?', 'provider');
my $too_new = qr/^error schema_mismatch .*provider is version 99, newer than this program \($newest\):/;
like(($client->ask('require provider'))[0], $too_new, 'a newer schema is refused');
like(($client->ask('upgrade provider'))[0], $too_new, 'and not touched by an upgrade');
is($server->sql('provider', "SELECT version FROM schema_version WHERE component = 'provider'"), 99, 'at all');

# What an earlier version of the provider has left, with a transfer that has begun; and an upgrade of it that was killed.
$server->sql('provider', $_) for 'DROP TABLE transfer_file', 'ALTER TABLE transfer DROP COLUMN partial_digest',
    "INSERT INTO experiment (id, title, description, institution, created_at, updated_at)"
    . " VALUES (7, 'kept', '', '', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
    "INSERT INTO transfer (experiment_id, site_url, site_name, dest_path, state, sent_through, files_total, bytes_total,"
    . " requested_at, updated_at) VALUES (7, 'https://s.example/', 'S', '1', 'Queued', 2, 5, 50, UTC_TIMESTAMP(6),"
    . " UTC_TIMESTAMP(6))", "UPDATE schema_version SET version = 1 WHERE component = 'provider'";
is_deeply([$client->ask('upgrade provider')], ['ok ', 'provider 2'], 'the provider is upgraded');
is_deeply([$client->ask('check provider')], ['ok '], 'completely');
is($server->sql('provider', 'SELECT CONCAT_WS(" ", state, sent_through, partial_after IS NULL) FROM transfer'),
    'Queued 2 1', 'and keeps its transfers, of all files');

my @hosts = map { $server->connect('consumer') } 1 .. 4;
$_->send('upgrade consumer') for @hosts;
my @answers = map { [$_->answer] } @hosts;
is_deeply([map { $_->[0] } @answers], [('ok ') x 4], 'four hosts upgrade at once');
my @steps = sort map { @$_[1 .. $#$_] } @answers;
my %once = map { $_ => 1 } @steps;
is_deeply(\@steps, [sort keys %once], 'each step is applied by one of them');
is_deeply([$hosts[0]->ask('check consumer')], ['ok '], 'and the schema is complete');

# As if killed in the middle: some tables are there, the version is not written, the lease is held by nobody.
$server->sql('consumer', "UPDATE schema_version SET version = 0, lease_owner = 'gone:1:1',"
    . " lease_until = UTC_TIMESTAMP(6) + INTERVAL 2 SECOND WHERE component = 'consumer'");
$server->sql('consumer', "DROP TABLE $_") for qw(notification file_problem);
($ending, @applied) = $hosts[0]->ask('upgrade consumer');
is($ending, 'ok ', 'an upgrade goes on where a killed one stopped');
ok(@applied && !(grep { !/^consumer \d+$/ } @applied), 'with the steps that are missing');
is_deeply([$hosts[0]->ask('check consumer')], ['ok '], 'and completes the schema');

# What an earlier version has left: only its steps were applied, and it has followed something.
$server->sql('consumer', "DROP TABLE $_") for qw(experiment_hold provider_hold);
$server->sql('consumer', "UPDATE schema_version SET version = 1 WHERE component = 'consumer'");
$server->sql('consumer', "INSERT INTO experiment (id, title, description, institution, created_at, updated_at)"
    . " VALUES (7, 'kept', '', '', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))");
$server->sql('consumer', "INSERT INTO synced_experiment (experiment_id, uid, provider_url, document_digest, state,"
    . " state_since, moved_at, created_at, updated_at) VALUES (7, 'tardis.7', 'https://provider.example',"
    . " REPEAT('x', 32), 'Ingested', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))");
like(($hosts[0]->ask('require consumer'))[0], qr/ schema of the consumer is version 1, this program needs \d+: run/,
    'a schema of an earlier version is refused');
($ending, @applied) = $hosts[0]->ask('upgrade consumer');
is($ending, 'ok ', 'it is upgraded');
is($applied[0], 'consumer 2', 'from the step after its own');
is_deeply([$hosts[0]->ask('check consumer')], ['ok '], 'which completes it');
is($server->sql('consumer', 'SELECT uid FROM synced_experiment'), 'tardis.7', 'and keeps what was there');

for my $round (1 .. 6) {
    $server->sql('admin', $_) for 'DROP DATABASE tardis_consumer', 'CREATE DATABASE tardis_consumer';
    my $victim = $server->connect('consumer');
    $victim->send('upgrade consumer');
    sleep 0.02 * $round;
    $victim->kill_hard;
    $server->sql('consumer', 'UPDATE schema_version SET lease_until = UTC_TIMESTAMP(6)')
        if $server->sql('admin', "SELECT COUNT(*) FROM information_schema.tables"
        . " WHERE table_schema = 'tardis_consumer' AND table_name = 'schema_version'");
    my $next = $server->connect('consumer');
    is(($next->ask('upgrade consumer'))[0], 'ok ', "killed after $round moments, the next upgrade succeeds");
    is_deeply([$next->ask('check consumer')], ['ok '], 'and completes the schema');
}
done_testing;
