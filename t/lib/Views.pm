package Views;

# What the tests of the httpd modules' views share: an answer is checked together with what the error log gained by it.

use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Exporter 'import';
use HTTP::Tiny;
use IO::Socket::SSL;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(answers log_is log_lines raw_request other_address new_experiment mets wait_for at_once configtest);

# What the event MPM may say when it is told to stop while a connection is being closed.
my $httpd_stops = qr/\[mpm_event:error\].* AH03092: process_lingering_close: /;

# ($bed, $side, $name, $answer, $status, $content, @log): the answer has this status and content (text or pattern),
# may not be cached, and @log (patterns) is exactly what the error log gained since the last look.
sub answers {
    my ($bed, $side, $name, $answer, $status, $content, @log) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    subtest $name => sub {
        is($answer->{status}, $status, 'status') or diag($answer->{content});
        my $got = $answer->{content} // '';
        ref $content ? like($got, $content, 'content') : is($got, $content, 'content');
        is($answer->{headers}{'cache-control'}, 'no-cache, no-store, must-revalidate, max-age=0',
            'not cached');
        log_is($bed, $side, @log);
    };
}

# ($bed, $side, @patterns): the error log's new lines of level warn or above are these, in order.
sub log_is {
    my ($bed, $side, @patterns) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @lines = log_lines($bed, $side);
    $bed->expect_log(@patterns, $httpd_stops);
    is(scalar @lines, scalar @patterns, 'lines in the error log') or diag(map { "$_\n" } @lines);
    like($lines[$_] // '', $patterns[$_], 'line in the error log') for 0 .. $#patterns;
}

# ($bed, $side): new lines of the error log of level warn or above.
sub log_lines {
    my ($bed, $side) = @_;
    return grep { !/^\[[^\]]*\] \[\w*:(?:notice|info|debug|trace\d)\] / && $_ !~ $httpd_stops }
        $bed->error_log($side, 1);
}

# ($bed, $side, $text, %how): sends bytes over TLS as they are and returns what comes back until the server closes,
# as HTTP::Tiny would. %how: abort (a condition to wait for, then close without reading), address (to call from).
sub raw_request {
    my ($bed, $side, $text, %how) = @_;
    my ($port) = $bed->env(uc($side) . '_URL') =~ /:(\d+)$/;
    my $socket = IO::Socket::SSL->new(PeerHost => '127.0.0.1', PeerPort => $port,
        SSL_ca_file => $bed->env('CA_FILE'),
        $how{address} ? (LocalHost => $how{address}) : ()) or die "connect: $IO::Socket::SSL::SSL_ERROR\n";
    local $SIG{PIPE} = 'IGNORE';
    print $socket $text;
    if ($how{abort}) {
        wait_for($how{abort}) or die "the server did not get that far\n";
        $socket->close(SSL_fast_shutdown => 1);
        return;
    }
    my $answer = '';
    while (sysread($socket, my $piece, 65536)) {
        $answer .= $piece;
    }
    my ($head, $body) = split(/\r\n\r\n/, $answer, 2);
    my ($status) = ($head // '') =~ m{^HTTP/1.1 (\d+)};
    my %headers = map { /^([^:]+):\s*(.*)$/ ? (lc $1 => $2) : () } split(/\r\n/, $head // '');
    return {status => $status, headers => \%headers, content => $body};
}

# ($bed, $method, $url, $address, %options): as HTTP::Tiny's request(), from another address of this host.
sub other_address {
    my ($bed, $method, $url, $address, %options) = @_;
    my $agent = HTTP::Tiny->new(verify_SSL => 1, timeout => 60, local_address => $address, keep_alive => 0,
        SSL_options => {SSL_ca_file => $bed->env('CA_FILE')});
    return $agent->request($method, $url, \%options);
}

# ($bed, $title): an experiment in the provider's catalogue, with one file of 5 bytes; returns its uid.
sub new_experiment {
    my ($bed, $title) = @_;
    $bed->sql('provider', 'INSERT INTO experiment (title, description, institution, file_count, byte_count, '
        . 'created_at, updated_at) VALUES (?, "", "tardis", 1, 5, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))',
        $title);
    my $id = $bed->sql('provider', 'SELECT MAX(id) FROM experiment');
    $bed->sql('provider', 'INSERT INTO experiment_source (experiment_id, directory) VALUES (?, ?)', $id,
        $bed->env('PROVIDER_STORE'));
    return "tardis.$id";
}

# ($title, @files): a METS document of one dataset with these files ([path, content], or [path, undef, attributes]).
sub mets {
    my ($title, @files) = @_;
    my (@list, @pointers);
    for my $file (@files) {
        my ($path, $content, $attributes) = @$file;
        my $id = 'F-' . (@list + 1);
        $attributes //= sprintf('SIZE="%d" CHECKSUMTYPE="MD5" CHECKSUM="%s"', length $content,
            md5_hex($content));
        my ($name) = $path =~ m{([^/]*)$};
        push @list, qq(<file ID="$id" OWNERID="$name" MIMETYPE="text/plain" $attributes>)
            . qq(<FLocat LOCTYPE="URL" xlink:href="tardis://$path"/></file>\n);
        push @pointers, qq(<fptr FILEID="$id"/>);
    }
    return <<END;
<?xml version="1.0" encoding="UTF-8"?>
<mets xmlns="http://www.loc.gov/METS/" xmlns:mods="http://www.loc.gov/mods/v3"
 xmlns:xlink="http://www.w3.org/1999/xlink" TYPE="study" OBJID="A-1">
<metsHdr CREATEDATE="2026-01-02T03:04:05"><agent ROLE="DISSEMINATOR" TYPE="ORGANIZATION"><name>Synchrotron</name></agent></metsHdr>
<dmdSec ID="E-1"><mdWrap MDTYPE="MODS"><xmlData><mods:mods><mods:titleInfo><mods:title>$title</mods:title></mods:titleInfo>
<mods:abstract>About $title</mods:abstract></mods:mods></xmlData></mdWrap></dmdSec>
<dmdSec ID="D-1"><mdWrap MDTYPE="MODS"><xmlData><mods:mods><mods:titleInfo><mods:title>data</mods:title></mods:titleInfo>
</mods:mods></xmlData></mdWrap></dmdSec>
<fileSec><fileGrp USE="original">
@list</fileGrp></fileSec>
<structMap TYPE="logical"><div TYPE="investigation" DMDID="E-1"><div TYPE="dataset" DMDID="D-1">@pointers</div></div></structMap>
</mets>
END
}

# ($condition): polls until it is true, for at most 20 seconds.
sub wait_for {
    my ($condition) = @_;
    my $end = time + 20;
    while (time < $end) {
        return 1 if $condition->();
        sleep 0.05;
    }
    return 0;
}

# ($count, $ask): calls $ask->(1 .. $count), each in a process of its own, all at once; it returns an answer.
# Returns how often each "status content" came, as a reference to a hash.
sub at_once {
    my ($count, $ask) = @_;
    my (@children, %seen);
    for my $number (1 .. $count) {
        my $pid = open(my $from, '-|') // die "fork: $!\n";
        if (!$pid) {
            my $answer = $ask->($number);
            print "$answer->{status} $answer->{content}";
            close STDOUT;
            POSIX::_exit(0);
        }
        push @children, $from;
    }
    for my $from (@children) {
        local $/;
        $seen{<$from> // 'nothing'}++;
    }
    return \%seen;
}

# ($bed, $side, $change): what `httpd -t` says (status, text) of the side's configuration after $change, which is
# given its text and returns a new one.
sub configtest {
    my ($bed, $side, $change) = @_;
    my $file = "$bed->{dir}/conf/configtest.conf";
    $bed->rewrite($file, $change->($bed->slurp($bed->env(uc($side) . '_HTTPD_CONF'))));
    my %environment = map { split /=/, $_, 2 } split /\n/, $bed->slurp($bed->env('HTTPD_ENVIRONMENT'));
    my ($status, $out, $err) = $bed->run({env => \%environment}, $bed->env('HTTPD'), '-t', '-f', $file);
    return ($status, "$out$err");
}

1;
