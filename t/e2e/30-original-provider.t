# The provider of the original MyTardis transfer app, played on the wire, brings an experiment to our consumer: its way
# of writing the register form, no document of extensions, its answers to get and status.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use Digest::MD5 qw(md5_hex);
use FakeServer;
use File::Basename qw(dirname);
use File::Path qw(make_path);
use Test::More;
use Testbed;

my $bed = Testbed->new;
my %files = ('alpha/one file.tif' => 'x' x 1000, 'alpha/two.tif' => '', 'three.tif' => "3\n");
my $store = $bed->env('CONSUMER_STORE');
my $polls = 0;
my $original = FakeServer->new(tls => $bed, handler => \&original_provider);

my $key_file = $bed->dir . '/conf/original.key';
Testbed::Files::put($key_file, 0600, "the original's key\n" =~ s/[ ']/-/gr);
$bed->rewrite($bed->env('CONSUMER_CONF'),
    $bed->slurp($bed->env('CONSUMER_CONF')) . 'provider "' . $original->url . "\" { key_file = \"$key_file\" }\n");

my $id = register();
is($bed->state($id), 'Ingested', 'the experiment is known');
is($bed->tick_until($id, 'Complete'), 'Complete', 'and ticks bring it to Complete');
is_deeply([$bed->history($id)], [qw(Ingested Requested InProgress CheckingIntegrity Complete)], 'state by state');

my @requests = $original->requests;
my ($get) = grep { $_->{path} =~ m{/get/$} } @requests;
is($get->{method}, 'POST', 'get was a POST');
is($get->{headers}{'x_mytardis_key'}, 'the-original-s-key', 'with the key in the header that it knows');
my %form = map { s/\+/ /gr } map { s/%([0-9A-Fa-f]{2})/chr hex $1/ger } map { split /=/, $_, 2 } split /&/, $get->{body};
is_deeply(\%form, {uid => 'synch.5', dest_path => $id, site_settings_url => $bed->env('SITE_SETTINGS_URL')},
    'and the three fields');
is(scalar(grep { $_->{method} eq 'POST' && $_->{path} =~ m{/status/$} } @requests), 0,
    'status is never asked for in a batch');
is(scalar(grep { $_->{path} !~ m{^/apps/sync/provider/(?:get/|status/synch\.5/)?$} } @requests), 0,
    'and nothing else was asked for');
my ($count) = $bed->sql('consumer', 'SELECT file_count FROM experiment WHERE id = ?', $id);
is($count->[0], 3, 'every file is in the catalogue');

done_testing;

# As the original's sender writes it: every part, and the file with the disposition `file`.
sub register {
    my $url = $original->url;
    my ($type, $body) = $bed->multipart(
        [username => $bed->env('REGISTER_USER')], [password => $bed->env('REGISTER_PASSWORD')],
        [from_url => $url], [originid => 'synch.5'], [experiment_owner => 'ada@uni.example'],
        [xmldata => mets(), disposition => 'file', filename => 'METS.xml', type => 'application/xml']);
    my $answer = $bed->request('POST', $bed->env('CONSUMER_URL') . '/experiment/register/',
        headers => {'Content-Type' => $type}, content => $body);
    is($answer->{status}, 200, 'the registration is taken') or diag($answer->{content});
    my ($id) = ($answer->{headers}{location} // '') =~ m{/experiment/view/(\d+)};
    ok($id, 'and located') or BAIL_OUT('nothing to go on with');
    is($answer->{content}, "$store/$id", 'the answer is where the files belong');
    return $id;
}

sub original_provider {
    my ($request) = @_;
    return {status => 404, headers => {'Content-Type' => 'text/html'}, body => '<h1>Not Found</h1>'}
        if $request->{path} !~ m{^/apps/sync/provider/(get|status)/};
    if ($1 eq 'get') {
        my ($id) = $request->{body} =~ /dest_path=(\d+)/;
        for my $path (keys %files) {
            make_path(dirname("$store/$id/$path"));
            $bed->rewrite("$store/$id/$path", $files{$path});
        }
        return {headers => {'Content-Type' => 'text/html; charset=utf-8'}, body => 'OK'};
    }
    my ($code, $words) = $polls++ < 2 ? (2, 'Transfer In Progress') : (1, 'Transfer Complete');
    return {headers => {'Content-Type' => 'application/json'},
        body => qq({"status": $code, "timestamp": 1700000000.123456, "human_status": "$words", "message": "", "progress": ""})};
}

sub mets {
    my ($number, $files, $pointers) = (0, '', '');
    for my $path (sort keys %files) {
        my ($name, $size, $md5) = ($path =~ m{([^/]+)$}, length $files{$path}, md5_hex($files{$path}));
        $number++;
        $files .= qq(<file ID="F-$number" MIMETYPE="image/tiff" SIZE="$size" CHECKSUM="$md5" CHECKSUMTYPE="MD5" )
            . qq(OWNERID="$name"><FLocat LOCTYPE="URL" xlink:href="tardis://$path" xlink:type="simple"/></file>\n);
        $pointers .= qq(<fptr FILEID="F-$number"/>);
    }
    $files =~ s/one file\.tif"/one%20file.tif"/g;
    $files =~ s/OWNERID="one%20file/OWNERID="one file/;
    return <<END;
<mets PROFILE="Scientific Dataset Profile 1.0" TYPE="study" OBJID="A-1"
  xmlns="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink">
<metsHdr CREATEDATE="2011-03-01T10:00:00" LASTMODDATE="2011-03-01T10:00:00">
  <agent TYPE="ORGANIZATION" ROLE="DISSEMINATOR"><name>Synchrotron</name></agent>
  <agent TYPE="OTHER" ROLE="CREATOR"><name>METS Exporter 0.1</name></agent>
</metsHdr>
<dmdSec ID="E-1"><mdWrap MDTYPE="MODS"><xmlData><mods:mods xmlns:mods="http://www.loc.gov/mods/v3">
  <mods:titleInfo><mods:title>From the original</mods:title></mods:titleInfo><mods:genre>experiment</mods:genre>
  <mods:abstract>T &amp; x</mods:abstract>
  <mods:name type="personal"><mods:namePart>A. Author</mods:namePart><mods:role>
    <mods:roleTerm type="text">author</mods:roleTerm></mods:role></mods:name>
</mods:mods></xmlData></mdWrap></dmdSec>
<dmdSec ID="D-1"><mdWrap MDTYPE="MODS"><xmlData><mods:mods xmlns:mods="http://www.loc.gov/mods/v3">
  <mods:titleInfo><mods:title>alpha</mods:title></mods:titleInfo></mods:mods></xmlData></mdWrap></dmdSec>
<fileSec><fileGrp USE="original">$files</fileGrp></fileSec>
<structMap TYPE="logical"><div TYPE="project"><div TYPE="investigation" DMDID="E-1">
  <div TYPE="dataset" DMDID="D-1">$pointers</div></div></div></structMap>
</mets>
END
}
