package HttpClient;

# Runs t/unit/http_client and reads what it printed.
#
#   my @responses = HttpClient::run('--total', 2, 'GET', $url);
#   each: {error, text, status, retry_after, body_length, body, headers => {name in lower case => value}}
#   $HttpClient::output, $HttpClient::status: everything it printed, and how it ended (as $?)

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);

our ($output, $status);

sub program {
    my ($name) = @_;
    my $build = $ENV{TARDIS_BUILD_DIR} // dirname(dirname(dirname(abs_path(__FILE__))));
    my $program = "$build/t/unit/$name";
    die "$program is not built; run make check, or set TARDIS_BUILD_DIR\n" unless -x $program;
    return $program;
}

sub run {
    my (@arguments) = @_;
    open(my $pipe, '-|', program('http_client'), @arguments) or die "http_client: $!\n";
    $output = do { local $/; <$pipe> } // '';
    close $pipe;
    $status = $?;
    return map { parse($_) } grep { /^error=/ } split /\n\n/, $output;
}

sub parse {
    my ($text) = @_;
    my %response = (headers => {});
    for (split /\n/, $text) {
        if (/^header=([^:]+): (.*)$/) {
            $response{headers}{lc $1} = $2;
        }
        elsif (/^(\w+)=(.*)$/) {
            $response{$1} = $2;
        }
    }
    return \%response;
}

1;
