#!/usr/bin/perl
# A database that goes away is told at once, and used again as soon as it is back; the pool shares connections
# between threads and gives none away broken or within somebody else's transaction.
use strict;
use warnings;
use Test::More;
use PrivateDb;

my $server = PrivateDb->new;
my $client = $server->connect('provider');
$client->ask('execute CREATE TABLE counter (value INT NOT NULL)');
$client->ask('execute INSERT INTO counter VALUES (0)');

is(($client->ask('pool-create 4'))[0], 'ok ', 'a pool is made');
is(($client->ask('pool-threads 12'))[0], 'ok failures=0', '12 threads share 4 connections');
is($server->sql('provider', 'SELECT value FROM counter'), 600, 'and each statement is run once');
my $connections = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'tardis_provider'";
cmp_ok($server->sql('admin', $connections), '<=', 5, 'over no more connections than the maximum');
is(($client->ask('pool-leave UPDATE counter SET value = 0'))[0], 'ok ', 'a transaction is left open');
is($server->sql('provider', 'SELECT value FROM counter'), 600,
    'and rolled back when the connection is given back');
like(($client->ask('pool-exhaust 5'))[0],
    qr/^error database_unavailable all 4 database connections of this process are in use/,
    'more than the maximum are refused');
is(($client->ask('pool-exhaust 4'))[0], 'ok ', 'and afterwards all are free again');

my ($before) = ($client->ask('pool-query SELECT CONNECTION_ID()'))[1];
is(($client->ask('pool-query SELECT CONNECTION_ID()'))[1], $before, 'a connection is used again');
$server->sql('admin', "KILL $before");
my ($ending, $after) = $client->ask('pool-query SELECT CONNECTION_ID()');
is($ending, 'ok ', 'one that was killed while it was idle is replaced');
isnt($after, $before, 'by another');

$server->stop;
$server->start;
is(($client->ask('pool-query SELECT 7'))[1], '7', 'a restart fails no later request of the pool');
is(($client->ask('ensure'))[0], 'ok ', 'nor a connection of its own');
is(($client->ask('query 1 SELECT 8'))[1], '8', 'which works again');

is(($client->ask('begin'))[0], 'ok ', 'a transaction');
is(($client->ask('execute UPDATE counter SET value = 1'))[0], 'ok 1 0', 'with a change');
$server->stop;
like(($client->ask('execute UPDATE counter SET value = 2'))[0], qr/^error database_unavailable /,
    'that the server ends');
like(($client->ask('commit'))[0], qr/^error database_unavailable /, 'cannot be committed');
like(($client->ask('ensure'))[0], qr/^error database_unavailable cannot connect to the database \(option/,
    'while the server is away this is said');
like(($client->ask('pool-query SELECT 1'))[0], qr/^error database_unavailable cannot connect/,
    'by the pool too');
$server->start;
is(($client->ask('ensure'))[0], 'ok ', 'and when it is back it is used');
is(($client->ask('query 1 SELECT value FROM counter'))[1], '600', 'the change was undone');
is(($client->ask('pool-query SELECT 9'))[1], '9', 'the pool works too');

$client->ask('begin');
like(($client->ask('ensure'))[0], qr/^error internal_error /,
    'a connection is never renewed within a transaction');
$client->ask('rollback');
is($client->close, 0, 'the program ends well');
done_testing;
