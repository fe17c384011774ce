#!/usr/bin/perl
# What is wrong with a MySQL option file is said with its name; the password is never said.
use strict;
use warnings;
use Test::More;
use PrivateDb;

my $server = PrivateDb->new;
my $good = join("\n", Testbed::Servers::read_lines($server->option_file('provider')), '');
my ($password) = $good =~ /^password = (.+)$/m;
ok($password, 'there is a password');

# (name, mode, text, the answer to expect)
my @cases = (
    ['good', 0600, $good, qr/^ok /],
    ['group-readable', 0640, $good, qr/^ok /],
    ['included', 0600, "!include " . $server->option_file('provider') . "\n", qr/^ok /],
    ['everybody', 0644, $good, qr/^error config_invalid MySQL option file \S+everybody: everybody may read/],
    ['writable', 0602, $good, qr/^error config_invalid MySQL option file \S+writable: everybody may read/],
    ['other-group', 0600, $good =~ s/\[tardis\]/[tardi]/r,
        qr/^error config_invalid .*: it has no group \[tardis\]/],
    ['empty', 0600, '', qr/^error config_invalid .*: it has no group \[tardis\]/],
    ['missing', 0600, undef, qr/^error config_invalid MySQL option file \S+missing: No such file/],
    ['wrong-password', 0600, $good =~ s/^password = /${&}x/mr,
        qr/^error database_unavailable .*Access denied/],
    ['wrong-database', 0600, $good =~ s/^database = /${&}x/mr,
        qr/^error database_unavailable .*Access denied/],
    ['wrong-socket', 0600, $good =~ s/^socket = /${&}\/nowhere/mr,
        qr/^error database_unavailable cannot connect/],
);
for my $case (@cases) {
    my ($name, $mode, $text, $expected) = @$case;
    my $file = $server->dir . "/$name";
    write_file($file, $mode, $text) if defined $text;
    my ($answer) = $server->client($file)->ask('connect');
    like($answer, $expected, "an option file: $name");
    unlike($answer, qr/$password/, 'and no password') if $answer =~ /^error/;
}

my $file = $server->dir . '/no-database';
write_file($file, 0600, $good =~ s/^database = .*\n//mr);
my $client = $server->client($file);
$client->ask('connect');
like(($client->ask('require provider'))[0],
    qr/^error config_invalid .*no-database: group \[tardis\] names no database/,
    'an option file without a database');
like(($server->client($server->dir)->ask('connect'))[0], qr/^error config_invalid .*not a regular file/,
    'a directory');
done_testing;

sub write_file {
    my ($file, $mode, $text) = @_;
    open(my $out, '>', $file) or die "$file: $!\n";
    print $out $text;
    close $out;
    chmod $mode, $file;
}
