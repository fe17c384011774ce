#!/usr/bin/perl
# An engine that ends with requests in flight leaves nothing behind, whichever pool goes first.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use HttpClient;
use RawServer;
use Test::More;

my $server = RawServer->new(handler => sub {
    my ($connection) = @_;
    RawServer::head($connection);
    sleep 50;
});

# Under valgrind where there is one, and where the build is not one that valgrind cannot run (sanitizers).
my $build = $ENV{TARDIS_BUILD_DIR} // "$FindBin::Bin/../..";
my $program = HttpClient::program('http_client');
my @check;
if (-x "$build/libtool" && !system("$build/libtool --mode=execute valgrind -q --error-exitcode=99 $program GET http://127.0.0.1:1/ >/dev/null 2>&1")) {
    @check = ("$build/libtool", '--mode=execute', 'valgrind', '-q', '--error-exitcode=99', '--leak-check=full',
        '--errors-for-leak-kinds=definite');
}
diag 'without valgrind: only that it ends is tested' unless @check;

for my $end ('abort', 'engine', 'request') {
    for my $moment (0, 300) {
        open(my $pipe, '-|', @check, $program, '--together', 3, '--hosts', 2, '--put', 5_000_000, '--end', $end, '--after',
            $moment, 'PUT', $server->url . '/') or die "$program: $!\n";
        my $output = do { local $/; <$pipe> };
        close $pipe;
        is($?, 0, "$end after $moment ms: exit status") or diag $output;
        like($output, qr/^end=clean$/m, 'and it came to its end');
        my @told = $output =~ /^error=(\w*)$/mg;
        is_deeply(\@told, $end eq 'abort' ? [('interrupted') x 3] : [], 'who was told');
    }
}

done_testing;
