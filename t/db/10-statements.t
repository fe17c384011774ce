#!/usr/bin/perl
# Values of every type survive the way to the database and back, statements may nest, many rows are
# inserted at once, and a connection is set up as the rest of the code relies on.
use strict;
use warnings;
use Test::More;
use PrivateDb;

my $server = PrivateDb->new;
my $client = $server->connect('provider');

my @settings = $client->ask('query 5 SELECT @@time_zone, @@sql_mode, @@tx_isolation, @@character_set_client,'
    . ' @@character_set_results');
is($settings[1], "+00:00\tSTRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION\tREAD-COMMITTED"
    . "\tutf8mb4\tutf8mb4", 'the session is in UTC, strict, READ COMMITTED and utf8mb4');

$client->ask('execute CREATE TABLE typed (id INT AUTO_INCREMENT PRIMARY KEY, low BIGINT,'
    . ' high BIGINT UNSIGNED, ratio DOUBLE, words TEXT, data BLOB, at DATETIME(6),'
    . ' nothing TEXT) DEFAULT CHARSET = utf8mb4');
is(($client->ask('values'))[0], 'ok low=1 high=1 ratio=1 words=1 data=1 at=1 null=1 decimal=1 text=1',
    'every type there and back');
is($server->sql('provider', 'SELECT CAST(at AS CHAR) FROM typed'), '2026-11-23 21:00:43.123456',
    'times are stored in UTC');
is(($client->ask('nested'))[0], 'ok 1:2 2:2 ', 'a statement may run again while its rows are read');
like(($client->ask('execute INSERT INTO typed (low) VALUES (5), (6)'))[0], qr/^ok 2 2$/,
    'affected rows and the first insert id');
is(($client->ask('execute UPDATE typed SET low = 5 WHERE low IN (5, 6)'))[0], 'ok 2 0',
    'affected rows count rows that were matched');
like(($client->ask("execute INSERT INTO typed (low) VALUES ('many')"))[0],
    qr/^error database_error Incorrect integer/, 'a bad value is refused');
like(($client->ask('execute INSERT INTO typed (id) VALUES (1)'))[0], qr/^error database_duplicate /,
    'a duplicate has a code of its own');
like(($client->ask('query 1 SELECT nonsense FROM typed'))[0], qr/^error database_error .*nonsense/,
    "other errors have the server's text");
is(($client->ask('query 1 SELECT COUNT(*) FROM typed'))[1], '3', 'the connection outlives them');

$client->ask('execute CREATE TABLE bulk (number INT PRIMARY KEY, name MEDIUMTEXT NOT NULL)');
is(($client->ask('bulk 10000'))[0], 'ok ', '10,000 rows are inserted');
my $right = "SELECT COUNT(*) FROM bulk WHERE TRIM(LEFT(name, 20)) = CONCAT('name ', number)";
is($server->sql('provider', $right), 10000,
    'each with its own value');
is($server->sql('provider', 'SELECT COUNT(*) FROM bulk WHERE CHAR_LENGTH(name) > 500000'), 10,
    'long ones too');
like(($client->ask('bulk 3'))[0], qr/^error database_duplicate /, 'a duplicate among many is told');
$client->ask('execute DELETE FROM bulk WHERE number > 2');
like(($client->ask('bulk 9'))[0], qr/^error database_duplicate /, 'a transaction that failed');
is($server->sql('provider', 'SELECT COUNT(*) FROM bulk'), 2, 'leaves nothing');

is(($client->ask("query 1 SELECT $_"))[1], $_, "statement $_") for 1, 300;
my $wrong = grep { ($client->ask("query 1 SELECT $_"))[1] ne $_ } 1 .. 300;
is($wrong, 0, 'more statements than are kept');
cmp_ok($server->sql('admin', "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS"
    . " WHERE VARIABLE_NAME = 'PREPARED_STMT_COUNT'"), '<=', 130,
    'the number of prepared statements is bounded');
is($client->close, 0, 'the program ends well');
done_testing;
