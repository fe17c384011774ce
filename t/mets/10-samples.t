# A METS and a notMETS document arrive whole: every file, every parameter, every word. So do the original's
# samples where they are at hand (TARDIS_SAMPLES, or ../shared/samples beside the source).

use strict;
use warnings;
use utf8;
use Encode qw(encode_utf8);
use File::Basename qw(dirname);
use Cwd qw(abs_path);
use Test::More;
use Ingest;

my $source = $ENV{TARDIS_SOURCE_DIR} // dirname(dirname(dirname(abs_path(__FILE__))));
my $samples = $ENV{TARDIS_SAMPLES} // "$source/../shared/samples";
my $ingest = Ingest->new;

sub slurp { open(my $in, '<:raw', $_[0]) or die "$_[0]: $!\n"; local $/; return scalar <$in> }

# ($statement, @values): all values of all rows, in one list.
sub values_of {
    my ($statement, @values) = @_;
    return [map { defined $_ ? "$_" : undef } map { @$_ } $ingest->sql($statement, @values)];
}


my $mets = $ingest->register(slurp("$source/t/data/whole.mets.xml"), 'tardis.7', 'https://provider.example/',
    'jo@uni.example');
is($mets->{outcome}, 'created', 'the METS document is stored') or diag($mets->{text});
is($mets->{files}, 5, 'all files');
is($mets->{bytes}, 9007199254740993 + 3 + 4, 'and their bytes, exactly');
is_deeply(values_of('SELECT epn, title, description, institution, start_time, end_time, url FROM experiment WHERE id = ?', $mets->{id}),
    ['E 42', "A & B <c> \x{e9}t\x{e9}, to the end", "First line\n  second ]] line", "Universit\x{e9} \"X\"",
        '2011-12-31 13:55', '2012',
        'https://www.example.org/?a=1&b=2'],
    'the experiment, with titles whole');
is_deeply(values_of('SELECT name FROM author WHERE experiment_id = ? ORDER BY number', $mets->{id}),
    ['Zoe Last', "Ann O'First"], 'the authors in order, and nobody else');
is_deeply(values_of('SELECT email FROM owner WHERE experiment_id = ?', $mets->{id}), ['jo@uni.example'],
    'the owner');
is_deeply(values_of('SELECT description FROM dataset WHERE experiment_id = ? ORDER BY number', $mets->{id}),
    ['raw', ''], 'datasets, also one without a description');
is_deeply(values_of('SELECT path FROM datafile WHERE experiment_id = ? ORDER BY number', $mets->{id}),
    ['raw/a b.dat', "raw/\x{fc}.dat", 'raw/100%.dat', 'x/d', 'x/e'], 'paths, whatever their scheme');
is_deeply(values_of('SELECT dataset_number FROM datafile WHERE experiment_id = ? ORDER BY number',
    $mets->{id}),
    [1, 1, 2, 1, 2], 'each in its dataset');
is_deeply(values_of('SELECT name FROM datafile WHERE experiment_id = ? ORDER BY number', $mets->{id}),
    ['the first', "\x{fc}.dat", '100%.dat', 'd', 'e'], 'names; without one, the last component');
is_deeply(values_of('SELECT media_type FROM datafile WHERE experiment_id = ? ORDER BY number', $mets->{id}),
    ['text/plain', '', '', '', ''], 'media types');
is_deeply(values_of('SELECT digest_algorithm FROM datafile WHERE experiment_id = ? ORDER BY number',
    $mets->{id}),
    ['MD5', 'SHA-256', undef, undef, undef], 'digests');
is_deeply(values_of('SELECT HEX(digest) FROM datafile WHERE experiment_id = ? AND number = 1', $mets->{id}),
    ['D41D8CD98F00B204E9800998ECF8427E'], 'whatever their case');
is_deeply(values_of('SELECT COUNT(*) FROM datafile WHERE experiment_id = ? AND digest_note IS NOT NULL',
    $mets->{id}), [3],
    'a file without a digest says why');
is(scalar @{$mets->{warnings}}, 3, 'and there is a warning of each');
like($mets->{warnings}[0], qr{^line \d+: raw/100%\.dat: .*TODO:checksumming.* 32 hexadecimal digits of MD5},
    'that quotes the document');
is_deeply(values_of('SELECT CONCAT(set_number, " ", name, "=", text_value, "=", IFNULL(numeric_value, "-")) FROM parameter
        WHERE experiment_id = ? ORDER BY set_number, number', $mets->{id}),
    ['1 EPN= E 42 =-', '1 a/b=1=1', '1 a/b=2=2', '1 a/c=text=-', '1 a=mixed =-', '2 n=-1.5e3=-1500',
        '2 n= 7 =7', '2 n=0x10=-',
        '2 n=1e999=-', '2 n=nan=-', '2 empty==-', '2 n=.5=0.5', '3 deep/er/still= kept =-'],
    'parameters: nested ones with their path, repeats in order, text verbatim, numbers also as numbers');
is_deeply(values_of('SELECT CONCAT(owner_kind, " ", owner_number, " ", position, " ", set_number) FROM parameter_set_owner
        WHERE experiment_id = ? ORDER BY owner_kind, owner_number, position', $mets->{id}),
    ['experiment 0 1 1', 'dataset 1 1 3', 'datafile 1 1 2', 'datafile 2 1 2', 'datafile 2 2 4'],
    'what sets belong to: one may be shared');
is_deeply(values_of('SELECT schema_uri FROM parameter_set WHERE experiment_id = ? ORDER BY number',
    $mets->{id}),
    ['http://example.org/experiment', 'http://example.org/file', 'http://example.org/set', ''],
        'their namespaces');

my $line_format = $ingest->register(slurp("$source/t/data/whole.notmets.xml"));
is($line_format->{outcome}, 'created', 'the notMETS document is stored') or diag($line_format->{text});
is_deeply(values_of('SELECT epn, title, description, institution, start_time, end_time FROM experiment WHERE id = ?', $line_format->{id}),
    ['123', 'T & x', 'unknown', 'Facility', '2010-06-18', undef], 'its experiment');
is_deeply(values_of('SELECT name FROM author WHERE experiment_id = ? ORDER BY number', $line_format->{id}),
    ['Edward', 'Eve'], 'its authors');
is_deeply(values_of('SELECT path FROM datafile WHERE experiment_id = ? ORDER BY number', $line_format->{id}),
    ['first/one.tif', 'else/where.tif', 'second/three.tif'], 'its files, the last of each dataset too');
is_deeply(values_of('SELECT name FROM parameter WHERE experiment_id = ? ORDER BY set_number, number',
    $line_format->{id}),
    ['EPN', 'frqimn', 'io', 'it', 'io'], 'its parameters');
is_deeply(values_of('SELECT HEX(digest) FROM datafile WHERE experiment_id = ? ORDER BY number',
    $line_format->{id}),
    [undef, 'D41D8CD98F00B204E9800998ECF8427E', undef], 'its digests');

SKIP: {
    skip "no samples at $samples", 4 unless -e "$samples/METS_test.xml";
    my $sample = $ingest->register_file("$samples/METS_test.xml");
    is_deeply(values_of('SELECT file_count, byte_count FROM experiment WHERE id = ?', $sample->{id}), [8,
        1509323274],
        "the original's METS: 8 files");
    is_deeply(values_of('SELECT COUNT(*) FROM parameter WHERE experiment_id = ?', $sample->{id}),
        [4 + 7 + 5 * 10],
        'and all their parameters');
    $sample = $ingest->register_file("$samples/Edward-notmets.xml");
    is_deeply(values_of('SELECT file_count FROM experiment WHERE id = ?', $sample->{id}), [4],
        "the original's notMETS: 4 files");
    is_deeply(values_of('SELECT COUNT(*) FROM parameter WHERE experiment_id = ?', $sample->{id}),
        [1 + 7 + 4 * 10],
        'and all their parameters');
}

done_testing;
