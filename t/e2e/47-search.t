# list: experiments are found by what is in them, on both sides, through an index.

use strict;
use warnings;
use Encode qw(encode_utf8);
use FindBin;
use lib "$FindBin::RealBin/../lib";
use JSON::PP;
use Test::More;
use Testbed;

my $bed = Testbed->new;
my $snow = encode_utf8("\x{2603} of 100%");
my %experiments = (
    'Lysozyme at 100 K' => ['ada@uni.example', {'raw/a_1.tif' => 'x', 'raw/b.tif' => 'y'}],
    'lysozyme|native' => ['Bob@Other.example', {'raw/ab1.tif' => 'x', 'A_1.TIF' => 'z'}],
    $snow => ['ada@uni.example', {"raw/$snow.h5" => 'x'}],
);
my (%uid, %title);
for my $title (sort keys %experiments) {
    my ($owner, $files) = @{$experiments{$title}};
    my $top = $bed->make_experiment('e' . keys %uid, $files);
    my ($status, $uid, $err) = $bed->run('tardis-provider', 'import', $top, '--title', $title, '--owner', $owner,
        '--epn', 'E-' . keys %uid);
    is($status, 0, 'an experiment is imported') or diag $err;
    chomp $uid;
    $uid{$title} = $uid;
    $title{$uid} = $title;
    my $document = $bed->dir . "/$uid.xml";
    $bed->run('tardis-provider', 'export', $uid, '--output', $document);
    ($status, undef, $err) = $bed->run('tardis-consumer', 'register', $document, '--uid', $uid, '--from',
        $bed->env('PROVIDER_URL'), '--owner', $owner);
    is($status, 0, 'and registered') or diag $err;
}
my ($first, $native) = ('Lysozyme at 100 K', 'lysozyme|native');

# (what is asked, what is found)
my @searches = (
    [['--title', $first], $first],
    [['--title', 'LYSOZYME*'], $first, $native],
    [['--title', '*100*'], $first, $snow],
    [['--title', '*100%'], $snow],
    [['--title', '*|*'], $native],
    [['--title', '*'], $first, $native, $snow],
    [['--title', 'Lysozyme']],
    [['--title', '']],
    [['--owner', 'bob@other.example'], $native],
    [['--owner', '*@uni.example'], $first, $snow],
    [['--file', 'a_1.tif'], $first],
    [['--file', 'a*1.tif'], $first, $native],
    [['--file', '*.TIF'], $native],
    [['--file', "$snow*"], $snow],
    [['--parameter', 'EPN=E-*'], $first, $native, $snow],
    [['--parameter', 'EPN=E-0'], $first],
    [['--parameter', 'EPN=*', '--parameter', 'EPN=*1'], $native],
    [['--parameter', 'EP=E-0']],
    [['--parameter', '*=E-0']],
    [['--title', 'lyso*', '--owner', 'ada@*', '--file', '*.tif', '--parameter', 'EPN=*0'], $first],
    [['--title', 'lyso*', '--owner', 'ada@*', '--file', '*.h5']],
);

for my $side (qw(provider consumer)) {
    subtest "the $side" => sub {
        for my $search (@searches) {
            my ($asked, @found) = @$search;
            my ($status, $out, $err) = $bed->run("tardis-$side", 'list', '--json', @$asked);
            is($status, 0, "@$asked") or diag $err;
            is_deeply([sort map { $title{$_->{uid}} } @{decode_json($out)}], [sort @found], 'finds what it should');
        }
        my ($status, $out) = $bed->run("tardis-$side", 'list', '--owner', 'bob*');
        is_deeply([$out =~ /\b(tardis\.\d+)\b/g], [$uid{$native}], 'the table as well');
        my $state = $side eq 'provider' ? 'Imported' : 'Ingested';
        ($status, $out) = $bed->run("tardis-$side", 'list', '--json', '--state', $state, '--owner', 'bob*');
        is(scalar @{decode_json($out)}, 1, 'with its state');
        ($status, $out) = $bed->run("tardis-$side", 'list', '--json', '--state', 'Complete', '--owner', 'bob*');
        is(scalar @{decode_json($out)}, 0, 'and not with another');
        for my $bad (['--parameter', 'EPN'], ['--parameter', '=x'], ['--title', "a\nb"], ['--file', "\xff"]) {
            ($status, undef, my $err) = $bed->run("tardis-$side", 'list', @$bad);
            is($status, 64, "$bad->[0] that is not well-formed is refused");
            like($err, qr/\Q$bad->[0]\E/, 'by its name');
        }
    };
}

subtest 'through an index' => sub {
    my $index = sub { return {map { $_->[0] => 1 } $bed->sql('admin',
        "SELECT index_name FROM information_schema.index_statistics WHERE index_name <> 'PRIMARY'")} };
    for my $case (['--title', 'lyso*', 'experiment_title'], ['--owner', 'ada@*', 'owner_email'],
        ['--file', 'a_1*', 'datafile_name'], ['--parameter', 'EPN=E-1', 'parameter_value']) {
        my ($option, $pattern, $name) = @$case;
        $bed->sql('admin', 'FLUSH INDEX_STATISTICS');
        $bed->sql('admin', 'SET GLOBAL userstat = 1');
        $bed->run('tardis-consumer', 'list', $option, $pattern);
        ok($index->()->{$name}, "$option uses $name");
    }
};

done_testing;
