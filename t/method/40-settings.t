#!/usr/bin/perl
# Settings that no file could be moved by are refused before anything moves, and name the element.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use HttpClient;
use MethodClient;
use Test::More;

my $source = MethodClient->new({a => 'a'});

for my $case (
    ['gridftp', qr/"gridftp".*webdav, file/, 'sl=gsiftp://h', 'serversite=/x'],
    ['', qr/""/, 'sl=https://h'],
    ['webdav', qr/<sl>/],
    ['webdav', qr/<sl>/, 'sl=gsiftp://h'],
    ['webdav', qr/<sl>.*user name or password/, 'sl=https://u:topsecret@h'],
    ['webdav', qr/<sl>.*query/, 'sl=https://h/?a'],
    ['webdav', qr/<serversite>/, 'sl=https://h', 'serversite=/a/../b'],
    ['webdav', qr/<serversite>/, 'sl=https://h', 'serversite=/a//b'],
    ['webdav', qr/<user>/, 'sl=https://h', 'user=a:b'],
    ['file', qr/<serversite>.*absolute/],
    ['file', qr/<serversite>.*absolute/, 'serversite=store'],
) {
    my ($type, $pattern, @settings) = @$case;
    my $run = $source->move([map { ('--set', $_) } "type=$type", @settings], '1');
    my $expected = $type =~ /^(?:webdav|file)$/ ? 'site_settings_invalid' : 'transfer_type_unknown';
    is($run->{result}, $expected, "type '$type' with '@settings'");
    like($run->{text}, $pattern, 'what is wrong is named');
    unlike($run->{text}, qr/topsecret/, 'no password is told');
    is_deeply($run->{done}, {}, 'no file was taken');
}

done_testing;
