#!/usr/bin/env perl
# key: made once, shown once, and never kept.

use strict;
use warnings;
use JSON::PP;
use Test::More;
use Testbed;
use Views;

my $bed = Testbed->new;
my $site = $bed->env('SITE_NAME');

sub key { return $bed->run('tardis-provider', 'key', @_) }
sub works { return $bed->provider('GET', 'status/tardis.1/', key => $_[0])->{status} == 200 }

my ($status, $out, $err) = key('add', '--site', $site, '--address', '127.0.0.1');
is($status, 0, 'a key is made') or diag $err;
like($out, qr/\A[0-9a-f]{64}\n\z/, 'alone on standard output');
like($err, qr/only time/, 'with a note beside it');
my $made = $out =~ s/\n//r;
ok(works($made), 'it opens the provider');
ok(works($bed->env('CLIENT_KEY')), 'so does the one there was');

($status, $out, $err) = key('list', '--json');
my $keys = decode_json($out);
is(scalar @$keys, 2, 'both are listed');
is_deeply([@{$keys->[1]}{qw(address site site_url)}], ['127.0.0.1', $site, $bed->env('SITE_SETTINGS_URL')],
    'with address and site');
unlike($out, qr/\Q$made\E/, 'but not the key');
($status, $out) = key('list');
like($out, qr/^2\s+127\.0\.0\.1\s+\Q$site\E/m, 'also as a table');
my $stored = join('', map { join('|', map { $_ // '' } @$_) } $bed->sql('provider',
    'SELECT * FROM client_key'));
is(index($stored, $made), -1, 'the database does not hold the key');

is((key('remove', 2))[0], 0, 'a key is removed');
$bed->expect_log(qr/key|forbidden|client/i);
# An httpd remembers it for a second.
ok(wait_for(sub { !works($made) }), 'and soon opens nothing any more');
is((key('remove', 2))[0], 66, 'it cannot be removed twice');
is((key('remove', '2x'))[0], 64, 'an id is a number');

my $file = $bed->dir . '/new.key';
is((key('add', '--site', $site, '--address', '127.0.0.1', '--key-file', $file))[0], 0,
    'a key is made into a file');
is((stat $file)[2] & 0777, 0600, 'that nobody else can read');
my $written = $bed->slurp($file) =~ s/\n//r;
like($written, qr/\A[0-9a-f]{64}\z/, 'the file holds a key');
ok(works($written), 'it opens the provider');

$bed->rewrite($file, "brought-along-key-0123456789\n");
($status, $out, $err) = key('add', '--site', $site, '--address', '::ffff:10.0.0.7', '--key-file', $file);
is($status, 0, 'a key is brought along') or diag $err;
is($out, '', 'and not shown');
is(scalar $bed->sql('provider', 'SELECT address FROM client_key ORDER BY id DESC LIMIT 1'), '10.0.0.7',
    'address in canonical form');
is((key('add', '--site', $site, '--address', '10.0.0.7', '--key-file', $file))[0], 1, 'not a second time');
is((key('add', '--site', $site, '--address', '2001:DB8::0:1', '--key-file', $file))[0], 0,
    'but from another address');
is(scalar $bed->sql('provider', 'SELECT address FROM client_key ORDER BY id DESC LIMIT 1'), '2001:db8::1',
    'IPv6 too');

my @cases = (
    ['short key', 64, qr/16 to 255 printable/, "short\n"],
    ['key with a space', 64, qr/16 to 255 printable/, "this one has a space in it\n"],
    ['long key', 64, qr/16 to 255 printable/, 'x' x 256 . "\n"],
);
for my $case (@cases) {
    my ($name, $expected, $message, $content) = @$case;
    $bed->rewrite($file, $content);
    ($status, $out, $err) = key('add', '--site', $site, '--address', '10.0.0.8', '--key-file', $file);
    is($status, $expected, "$name: exit status");
    like($err, $message, "$name: says so");
}
chmod 0644, $file;
$bed->rewrite($file, "brought-along-key-0123456789\n");
is((key('add', '--site', $site, '--address', '10.0.0.8', '--key-file', $file))[0], 78,
    'a key that everybody may read');
is((key('add', '--site', 'Nowhere', '--address', '10.0.0.8'))[0], 66, 'an unknown site');
is((key('add', '--site', $site, '--address', 'localhost'))[0], 64, 'an address is not a name');
is((key('add', '--site', $site))[0], 64, 'an address is needed');
my $unused = $bed->dir . '/unused.key';
key('add', '--site', 'Nowhere', '--address', '10.0.0.8', '--key-file', $unused);
ok(!-e $unused, 'what fails leaves no file');

done_testing;
