#!/usr/bin/env perl
# transfer: killed while a site takes the document, it leaves no file behind, and send registers in its stead.

use strict;
use warnings;
use FakeServer;
use File::Temp;
use Sending;
use Test::More;
use Testbed;
use Testbed::Servers;

my $bed = Testbed->new;
my $site = FakeServer->new(parallel => 1, handler => sub {
    my ($request) = @_;
    my $url = "http://$request->{headers}{host}";
    return {status => 200, headers => {Location => "$url/experiment/view/1"}, delay => -e $bed->dir . '/slow' ? 8 : 0}
        if $request->{path} =~ /register/;
    return {body => '<site-settings><email-endswith>@uni.example</email-endswith><register>'
        . "<url>$url/experiment/register/</url><username>r</username><password>s</password></register>"
        . '<transfer><type>webdav</type></transfer></site-settings>'};
});
$bed->rewrite($bed->env('SITES_FILE'), '<sites><site><name>Slow</name><url>' . $site->url
    . '/</url><username>u</username><password>p</password></site></sites>');
my $uid = $bed->import_experiment('killed', {map { ("d/$_" => "file $_") } 1 .. 500}, '--epn', 'killed');
$bed->rewrite($bed->dir . '/slow', '');

for my $signal (qw(KILL TERM)) {
    my $directory = File::Temp->newdir('own-XXXXXXXX', TMPDIR => 1);
    my $before = grep { $_->{path} =~ /register/ } $site->requests;
    my $pid = do {
        local $ENV{TMPDIR} = "$directory";
        $bed->start('tardis-provider', 'transfer', 'killed');
    };
    Testbed::Servers::wait_until(20, sub { $before < grep { $_->{path} =~ /register/ } $site->requests })
        or die "nothing is registered\n";
    kill $signal, $pid;
    waitpid($pid, 0);
    is_deeply([glob("$directory/*")], [], "$signal: no file is left");
    my ($posted) = reverse grep { $_->{path} =~ /register/ } $site->requests;
    like($posted->{body}, qr{name="xmldata"; filename="METS\.xml".*<mets\b.*</mets>\s*\r\n--}s,
        "$signal: the document was sent whole");
    $bed->sql('provider', 'UPDATE registration SET lease_until = UTC_TIMESTAMP(6) WHERE lease_until IS NOT NULL');
}
unlink $bed->dir . '/slow';
send_now($bed);
is($bed->sql('provider', 'SELECT state FROM registration'), 'Registered', 'it is registered in the end');

done_testing;
