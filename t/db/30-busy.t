#!/usr/bin/perl
# Transactions that get in each other's way are told to be repeated, and can be.
use strict;
use warnings;
use Test::More;
use PrivateDb;

my $server = PrivateDb->new;
my ($first, $second) = map { $server->connect('provider') } 1, 2;
$first->ask('execute CREATE TABLE pair (id INT PRIMARY KEY, value INT NOT NULL)');
$first->ask('execute INSERT INTO pair VALUES (1, 0), (2, 0)');

is(($_->ask('begin'))[0], 'ok ', 'a transaction begins') for $first, $second;
is(($first->ask('execute UPDATE pair SET value = 1 WHERE id = 1'))[0], 'ok 1 0', 'the first holds one row');
is(($second->ask('execute UPDATE pair SET value = 2 WHERE id = 2'))[0], 'ok 1 0', 'the second the other');
$first->send('execute UPDATE pair SET value = 1 WHERE id = 2');
$second->send('execute UPDATE pair SET value = 2 WHERE id = 1');
my %answer = (first => ($first->answer)[0], second => ($second->answer)[0]);
my ($loser) = grep { $answer{$_} =~ /^error/ } sort keys %answer;
my ($winner) = grep { $answer{$_} =~ /^ok/ } sort keys %answer;
ok($loser && $winner, 'of a deadlock one gives way') or diag(explain(\%answer));
like($answer{$loser}, qr/^error database_busy Deadlock/, 'and is told so');
my ($lost, $won) = $loser eq 'first' ? ($first, $second) : ($second, $first);
$lost->ask('rollback');
is(($won->ask('commit'))[0], 'ok ', 'the other commits');
is(($lost->ask('begin'))[0], 'ok ', 'the loser begins anew');
is(($lost->ask('execute UPDATE pair SET value = 3'))[0], 'ok 2 0', 'repeats its changes');
is(($lost->ask('commit'))[0], 'ok ', 'and commits');

# The same where the deadlock is found while rows are read: the client library tells of it in another place.
$_->ask('begin') for $first, $second;
$first->ask('query 1 SELECT value FROM pair WHERE id = 1 FOR UPDATE');
$second->ask('query 1 SELECT value FROM pair WHERE id = 2 FOR UPDATE');
$second->send('query 1 SELECT value FROM pair WHERE id = 1 FOR UPDATE');
$first->send('query 1 SELECT value FROM pair WHERE id >= 1 ORDER BY id FOR UPDATE');
my @read = map { ($_->answer)[0] } $first, $second;
is(scalar(grep { /^error database_busy Deadlock/ } @read), 1, 'so is the loser of a deadlock between readers')
    or diag(explain(\@read));
$_->ask('rollback') for $first, $second;

$first->ask('begin');
$first->ask('execute UPDATE pair SET value = 4 WHERE id = 1');
$second->ask('execute SET SESSION innodb_lock_wait_timeout = 1');
like(($second->ask('execute UPDATE pair SET value = 5 WHERE id = 1'))[0], qr/^error database_busy Lock wait/,
    'waiting too long for a lock is the same');
$first->ask('rollback');
is(($second->ask('execute UPDATE pair SET value = 5 WHERE id = 1'))[0], 'ok 1 0',
    'and it works when the lock is gone');

$server->sql('admin', 'SET GLOBAL read_only = 1');
like(($second->ask('execute UPDATE pair SET value = 6 WHERE id = 1'))[0],
    qr/^error database_unavailable .*read-only/, 'a server that is read-only counts as away');
done_testing;
