# export: what a catalogue holds comes out as METS, whole or not at all, and goes in again as it was.

use strict;
use warnings;
use Encode qw(encode_utf8);
use FindBin;
use lib "$FindBin::RealBin/../lib";
use Test::More;
use Testbed;

my $bed = Testbed->new;
my $top = $bed->make_experiment('exported', {
    'raw/a.dat' => 'one', encode_utf8("raw/\x{e9} & <b>.dat") => 'two', 'empty' => ''});
my ($status, $uid, $err) = $bed->run('tardis-provider', 'import', $top, '--title', encode_utf8("T \x{2603} & <x>"),
    '--epn', 'E-7', '--description', "two\nlines", '--owner', 'ada@uni.example', '--author', 'Lovelace, Ada');
is($status, 0, 'an experiment is imported') or diag $err;
chomp $uid;
my $directory = $bed->dir . '/exports';
mkdir $directory or die "$directory: $!\n";

sub export { return $bed->run("tardis-$_[0]", 'export', @_[1 .. $#_]) }
sub entries { opendir(my $dir, $directory) or die "$directory: $!\n"; return sort grep { !/^\.\.?$/ } readdir $dir }

subtest 'the provider' => sub {
    my ($status, $document, $err) = export('provider', $uid);
    is($status, 0, 'by its uid, to standard output') or diag $err;
    is($err, '', 'and says nothing else');
    like($document, qr{\A<\?xml .*<name>tardis</name>.*</mets>\s*\z}s, 'it is a METS document');
    is((export('provider', 'E-7'))[1], $document, 'by its EPN, the same');
    is((export('provider', 'E-7', '--output', '-'))[1], $document, '- is standard output');
    umask 027;
    ($status, my $out) = export('provider', $uid, '--output', "$directory/mets.xml");
    is($status, 0, 'to a file');
    is($out, '', 'nothing goes to standard output');
    is($bed->slurp("$directory/mets.xml"), $document, 'the same again');
    is((stat "$directory/mets.xml")[2] & 07777, 0640, 'with the mode that the umask leaves');
    is_deeply([entries()], ['mets.xml'], 'nothing else is there');
};

subtest 'a file that is there' => sub {
    my $file = "$directory/there.xml";
    $bed->rewrite($file, 'before');
    symlink('there.xml', "$directory/link.xml") or die "symlink: $!\n";
    my ($status, undef, $err) = export('provider', 'E-8', '--output', $file);
    isnt($status, 0, 'an experiment that does not exist fails');
    like($err, qr/E-8.*\[not_found\]/, 'and is named');
    is($bed->slurp($file), 'before', 'the file is as it was');
    is((export('provider', 'E-7', '--output', "$directory/link.xml"))[0], 0, 'through a symbolic link');
    ok(-l "$directory/link.xml", 'the link stays one');
    like($bed->slurp($file), qr{</mets>\s*\z}, 'and what it points at is replaced');
};

subtest 'what cannot be written' => sub {
    for my $case (["$directory/missing/mets.xml", 'No such file'], ['/dev/full', 'No space left'],
        [$directory, 'Is a directory']) {
        my ($file, $why) = @$case;
        my ($status, undef, $err) = export('provider', $uid, '--output', $file);
        isnt($status, 0, "$file fails");
        like($err, qr/\Q$file\E: $why.*\[io_error\]/, 'and is named with the reason');
    }
    my $before = join ' ', entries();
    system('sh', '-c', 'ulimit -f 0; trap "" XFSZ; exec "$@" 2>"$0"', "$directory/../full.log", 'tardis-provider',
        '--config', $bed->env('PROVIDER_CONF'), 'export', $uid, '--output', "$directory/there.xml");
    isnt($?, 0, 'a disk that is full fails');
    is(join(' ', entries()), $before, 'and leaves nothing behind');
    like($bed->slurp("$directory/there.xml"), qr{</mets>\s*\z}, 'the file is as it was');
};

subtest 'the consumer' => sub {
    my @register = ('register', "$directory/mets.xml", '--uid', $uid, '--from', $bed->env('PROVIDER_URL'));
    my ($status, $out, $err) = $bed->run('tardis-consumer', @register);
    is($status, 0, 'it is registered') or diag $err;
    ($status, my $document, $err) = export('consumer', $uid);
    is($status, 0, 'it is exported') or diag $err;
    my ($theirs, $ours) = map { s/(?:CREATEDATE|LASTMODDATE)="[^"]*"//gr } $bed->slurp("$directory/mets.xml"), $document;
    is($ours, $theirs, 'it is what the provider wrote, but for the times of the rows');
    my ($id) = map { $_->[0] } $bed->sql('consumer', 'SELECT experiment_id FROM synced_experiment');
    is((export('consumer', $id))[1], $document, 'by its id, the same');
    ($status, undef, $err) = export('consumer', 'tardis.99');
    isnt($status, 0, 'one that does not exist fails');
    like($err, qr/tardis\.99.*\[not_found\]/, 'and is named');
};

done_testing;
