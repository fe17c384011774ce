#!/usr/bin/perl
# The webdav method moves every file whole into a real mod_dav, and nothing that is not what was imported.
use strict;
use warnings;
use utf8;
use Encode qw(encode_utf8);
use FindBin;
use lib "$FindBin::Bin/../lib";
use DavServer;
use MethodClient;
use Test::More;

my $dav = DavServer->new;
mkdir $dav->store . '/my store' or die;
chmod 0777, $dav->store . '/my store';
my @settings = map { ('--set', $_) } 'type=webdav', 'sl=' . $dav->url . '/', 'user=' . $dav->user,
    'password=' . $dav->password;

my %files = (
    'empty' => '',
    'plain.txt' => "text\n",
    'with spaces/and more.dat' => 'a' x 1000,
    "quotes/it's \"quoted\".dat" => 'b',
    'signs/100%#1?x=1&y;+~.dat' => 'c',
    'signs/%41.dat' => 'd',
    encode_utf8('straße/ångström €.dat') => 'e' x 100_000,
    'deep/' . join('/', 1 .. 12) . '/file' => 'f',
    'block' => 'g' x 262_144,
    'block-and-one' => 'h' x 262_145,
    'large' => join('', map { pack('N', $_) x 1024 } 1 .. 1200),
);
$files{"many/$_"} = "file $_" x $_ for 1 .. 60;
my $bytes = 0;
$bytes += length for values %files;

my $source = MethodClient->new(\%files);
my $run = $source->move([@settings, '--parallel', 4], '42');
is($run->{result}, 'ok', 'the job') or diag $run->{text};
is_deeply($run->{done}, {map { $_ => 'ok' } keys %files}, 'every file is done, once');
is_deeply(MethodClient::contents($dav->store . '/42'), \%files, 'and at its place, byte for byte');
is($run->{moved}, $bytes, 'every byte is counted once');
is($run->{most}, 4, 'four at a time');
ok($run->{longest} < 5000, 'ticks came all along');
my %made;
$made{$_}++ for grep { /^MKCOL/ } $dav->log;
ok(%made && !(grep { $_ > 1 } values %made), 'each directory was made once') or diag explain \%made;

# Again, as a run that was killed does it: everything exists.
$run = $source->move([@settings], '42', 'plain.txt', 'with spaces/and more.dat');
is($run->{result}, 'ok', 'what exists is replaced') or diag $run->{text};
is_deeply(MethodClient::contents($dav->store . '/42'), \%files, 'and stays the same');

# Deeper, into a serversite with a space and slashes around it.
$run = $source->move([@settings, '--set', 'serversite=/my store//'], 'a/b c/7', 'plain.txt', 'empty');
is($run->{result}, 'ok', 'a serversite that has to be encoded') or diag $run->{text};
is_deeply(MethodClient::contents($dav->store . '/my store/a/b c/7'), {map { $_ => $files{$_} } 'plain.txt', 'empty'},
    'and a dest_path of several directories');

# A file without a digest.
$source->imported('plain.txt', algorithm => '-', digest => '-');
$run = $source->move([@settings], 'none', 'plain.txt');
is_deeply($run->{done}, {'plain.txt' => 'ok'}, 'without a digest only the size has to be right');

# What changed since import never arrives, new or over an older one.
my %changed = ('many/1' => 'fole 1', 'block-and-one' => 'h' x 262_144 . 'x', 'large' => 'z' x length $files{large},
    'empty' => '1', 'many/2' => 'longer than it was', 'plain.txt' => "txt\n", 'many/3' => '');
$source->write($_, $changed{$_}) for keys %changed;
unlink $source->dir . '/many/4';
unlink $source->dir . '/many/5';
symlink '6', $source->dir . '/many/5' or die;
for my $dest ('fresh', '42') {
    $run = $source->move([@settings], $dest);
    is($run->{result}, 'ok', "a changed source ($dest)") or diag $run->{text};
    my %expected = map { $_ => 'ok' } keys %files;
    $expected{$_} = 'source_changed' for keys %changed;
    @expected{'many/4', 'many/5'} = ('file_missing', 'file_not_regular');
    is_deeply($run->{done}, \%expected, 'each of its files is told for itself');
    like($run->{why}{'many/1'}, qr/many\/1.*SHA-512/, 'the file and the digest are named');
    my %kept = %files;
    delete @kept{keys %changed, 'many/4', 'many/5'} if $dest eq 'fresh';
    is_deeply(MethodClient::contents($dav->store . "/$dest"), \%kept,
        $dest eq 'fresh' ? 'nothing of the changed arrived' : 'what was there before is untouched');
}

# A directory that somebody removes on the way is made again.
my $again = MethodClient->new({map { ("d/$_" => "content $_") } 1 .. 3});
require File::Path;
$run = $again->move([@settings], 'gone');
File::Path::remove_tree($dav->store . '/gone/d');
$run = $again->move([@settings], 'gone');
is($run->{result}, 'ok', 'a directory that went is made anew');
is(scalar keys %{MethodClient::contents($dav->store . '/gone')}, 3, 'with everything in it');

done_testing;
