#!/usr/bin/env perl
# import: what is in a directory gets into the catalogue whole, or not at all.

use strict;
use warnings;
use Digest::SHA qw(sha512);
use Encode qw(encode_utf8);
use IO::Socket::UNIX;
use POSIX qw(mkfifo);
use Test::More;
use Testbed;

my $bed = Testbed->new;

sub import_dir {
    my ($top, @options) = @_;
    return $bed->run('tardis-provider', 'import', $top, '--title', 'T', @options);
}

sub count { return scalar $bed->sql('provider', "SELECT COUNT(*) FROM $_[0]") }

sub rows { return $bed->sql('provider', $_[0]) }

my %files = (
    'top.txt' => "beside the datasets\n",
    'raw/plain.dat' => \70_000,
    'raw/empty.h5' => '',
    'raw/with space.tif' => 'image',
    encode_utf8("raw/\x{e9}t\x{e9} \x{2603}.CBF") => 'snow',
    q{raw/quo"te's & <tag>.nxs} => 'quotes',
    'raw/deep/er/file' => 'deep',
    'second/%41+;x.dat' => 'percent',
    'zz-empty-directory' => undef,
);

subtest 'everything of a directory is recorded' => sub {
    my $top = $bed->make_experiment('names', \%files);
    my ($status, $out, $err) = $bed->run('tardis-provider', 'import', "$top/", '--title',
        encode_utf8("Na\x{ef}ve <T> & 'x'"),
        '--epn', 'E-1', '--description', "two\nlines", '--owner', 'ada@uni.example', '--owner',
            'bob@other.example',
        '--author', 'Lovelace, Ada', '--author', 'Bob', '--institution', 'The Synchrotron', '--url',
            'https://x.example/1',
        '--start-time', '2026-01-02T03:04:05Z', '--end-time', '2026-01-03');
    is($status, 0, 'it succeeds') or diag $err;
    is($out, "tardis.1\n", 'standard output is the uid, alone on a line');
    is($err, '', 'nothing is said when standard error is no terminal');

    my ($row) = rows('SELECT epn, CAST(title AS BINARY), description, institution, url, start_time, '
        . 'end_time, file_count, '
        . 'byte_count FROM experiment');
    my $bytes = 0;
    $bytes += ref $_ ? $$_ : length for grep { defined } values %files;
    is_deeply($row, ['E-1', encode_utf8("Na\x{ef}ve <T> & 'x'"), "two\nlines", 'The Synchrotron',
        'https://x.example/1',
        '2026-01-02T03:04:05Z', '2026-01-03', 8, $bytes], 'the experiment, with its counts');
    is_deeply([map { $_->[0] } rows('SELECT email FROM owner ORDER BY number')],
        ['ada@uni.example', 'bob@other.example'], 'owners in order');
    is_deeply([map { $_->[0] } rows('SELECT name FROM author ORDER BY number')],
        ['Lovelace, Ada', 'Bob'], 'authors in order');
    is_deeply([map { $_->[0] } rows('SELECT description FROM dataset ORDER BY number')],
        ['names', 'raw', 'second'], 'a dataset per first-level directory, and one for what is beside');
    is_deeply([rows('SELECT p.name, p.text_value, s.root_element FROM parameter p JOIN parameter_set s '
        . 'ON s.experiment_id = p.experiment_id AND s.number = p.set_number')], [['EPN', 'E-1',
            'experiment']],
        'the EPN is a parameter of the experiment');
    is((rows('SELECT directory FROM experiment_source'))[0][0], $top, 'where the files are');

    my @rows = rows('SELECT CAST(path AS BINARY), CAST(name AS BINARY), size, digest_algorithm, digest, '
        . 'dataset_number FROM datafile '
        . 'ORDER BY number');
    is_deeply([map { $_->[0] } @rows], ['top.txt', (sort grep { m{^raw/} } keys %files), 'second/%41+;x.dat'],
        'files in order of dataset and name');
    for my $row (@rows) {
        my $content = $files{$row->[0]};
        $content = Testbed::pattern($$content) if ref $content;
        my $name = $row->[0] =~ s{.*/}{}r;
        is_deeply([@$row[1 .. 4]], [$name, length $content, 'SHA-512', sha512($content)],
            "$name: name, size, digest");
    }
    my %type = map { @$_ } rows('SELECT CAST(name AS BINARY), media_type FROM datafile');
    is($type{'empty.h5'}, 'application/x-hdf5', 'a media type by extension');
    is($type{encode_utf8("\x{e9}t\x{e9} \x{2603}.CBF")}, 'image/x-cbf', 'whatever its case');
    is($type{'file'}, 'application/octet-stream', 'without extension: bytes');
};

subtest 'the same EPN again' => sub {
    my $top = $bed->env('PROVIDER_STORE') . '/names';
    my ($status, $out, $err) = import_dir($top, '--epn', 'E-1');
    is($status, 1, 'exit status 1');
    is($out, '', 'no uid on standard output');
    like($err, qr/E-1 was imported already, as tardis\.1\b.*\[conflict\]/, 'says so, and as what');
    is(count('experiment'), 1, 'no second experiment');
    like($bed->sql('provider', 'SELECT title FROM experiment'), qr/^Na/, 'nothing changed');

    $bed->rewrite("$top/raw/new.dat", 'new');
    unlink "$top/top.txt";
    ($status, $out, $err) = import_dir($top, '--epn', 'E-1', '--update', '--owner', 'eve@uni.example');
    is($status, 0, 'with --update it succeeds') or diag $err;
    is($out, "tardis.1\n", 'and keeps its uid');
    is(count('experiment'), 1, 'still one experiment');
    is_deeply([map { $_->[0] } $bed->sql('provider', 'SELECT description FROM dataset ORDER BY number')],
        ['raw', 'second'],
        'datasets are replaced');
    is($bed->sql('provider', q{SELECT COUNT(*) FROM datafile WHERE path IN ('top.txt', 'raw/new.dat')}), 1,
        'files are replaced');
    is($bed->sql('provider', 'SELECT file_count FROM experiment'), count('datafile'), 'the count is right');
    is($bed->sql('provider', 'SELECT GROUP_CONCAT(email) FROM owner'), 'eve@uni.example',
        'owners are replaced');
    is(count('author'), 0, 'authors too');
};

subtest 'an update without a change' => sub {
    my @what = ('--epn', 'E-1', '--update', '--owner', 'eve@uni.example');
    my $top = $bed->env('PROVIDER_STORE') . '/names';
    my $state = sub { return join "\n", map { join ' ', map { $_ // '-' } @$_ } $bed->sql('provider',
        'SELECT e.*, s.directory, (SELECT GROUP_CONCAT(email) FROM owner), (SELECT COUNT(*) FROM datafile),
        t.state, t.sent_through, t.updated_at FROM experiment e JOIN experiment_source s ON s.experiment_id = e.id
        LEFT JOIN transfer t ON t.experiment_id = e.id') };
    $bed->sql('provider', q{INSERT INTO transfer (experiment_id, site_url, site_name, dest_path, state, sent_through,
        files_total, bytes_total, requested_at, updated_at) VALUES (1, 'https://s.example/', 'S', '1', 'Queued', 3, 8, 1,
        UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))});
    my $before = $state->();
    my ($status, $out, $err) = import_dir($top, @what);
    is("$status $out", "0 tardis.1\n", 'succeeds') or diag $err;
    is($state->(), $before, 'changes nothing');
    for my $change (['an institution', '--institution', 'Other'], ['an owner', '--owner', 'bob@uni.example'],
        ['an author', '--author', 'A. Author'], ['a description', '--description', 'x'], ['a time', '--end-time', '2026']) {
        my ($name, @more) = @$change;
        my ($updated) = $bed->sql('provider', 'SELECT updated_at FROM experiment');
        ($status, $out, $err) = import_dir($top, @what, @more);
        isnt($bed->sql('provider', 'SELECT updated_at FROM experiment'), $updated->[0], "$name is a change") or diag $err;
    }
    my $content = $bed->slurp("$top/raw/new.dat");
    for my $change (['a byte', sub { $bed->rewrite("$top/raw/new.dat", $content =~ tr/n/N/r) }],
        ['a name', sub { rename "$top/raw/new.dat", "$top/raw/old.dat" }],
        ['a dataset', sub { rename "$top/second", "$top/third" }]) {
        my ($name, $do) = @$change;
        import_dir($top, @what);
        $before = $state->();
        import_dir($top, @what);
        is($state->(), $before, "before $name: nothing");
        $do->();
        import_dir($top, @what);
        isnt($state->(), $before, "$name is a change");
    }
    rename "$top/third", "$top/second";
    rename "$top/raw/old.dat", "$top/raw/new.dat";
    $bed->rewrite("$top/raw/new.dat", $content);
    import_dir($top, @what);
    $before = $state->();
    rename $top, "$top-moved" or die;
    import_dir("$top-moved", @what);
    is($state->() =~ s/(names)-moved/$1/r =~ s/Queued.*//r, $before =~ s/Queued.*//r,
        'another directory with the same files: only that is noted');
    rename "$top-moved", $top or die;
    $bed->sql('provider', 'DELETE FROM transfer');
    import_dir($top, @what);
};

subtest 'an update while it is being sent' => sub {
    my $top = $bed->env('PROVIDER_STORE') . '/names';
    $bed->sql('provider', 'INSERT INTO transfer (experiment_id, site_url, site_name, dest_path, state, '
        . 'next_attempt_at, sent_through, files_total, bytes_total, requested_at, updated_at) VALUES '
        . q{(1, 'https://s.example/', 'S', '1', }
        . q{'Sending', UTC_TIMESTAMP(6), 3, 8, 1, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))});
    my ($status, $out, $err) = import_dir($top, '--epn', 'E-1', '--update');
    is($status, 1, 'is refused');
    like($err, qr/being sent to S.*\[conflict\]/, 'says so');
    $bed->sql('provider', q{UPDATE transfer SET state = 'Queued'});
    ($status, $out, $err) = import_dir($top, '--epn', 'E-1', '--update');
    is($status, 0, 'while it only waits, it is not') or diag $err;
    is_deeply([$bed->sql('provider', 'SELECT sent_through, files_total FROM transfer')], [[0,
        count('datafile')]],
        'the transfer begins again with the new files');
    $bed->sql('provider', 'DELETE FROM transfer');
};

subtest 'what cannot be imported is refused by name, all of it at once' => sub {
    my $top = $bed->make_experiment('bad', {'raw/good.dat' => 'good', 'raw/other.dat' => 'x'});
    symlink('/etc/passwd', "$top/raw/leaves") or die;
    symlink('good.dat', "$top/raw/stays") or die;
    symlink('..', "$top/loop") or die;
    mkfifo("$top/raw/pipe", 0600) or die;
    my $socket = IO::Socket::UNIX->new(Local => "$top/s", Listen => 1) or die "socket: $!";
    $bed->rewrite("$top/raw/latin\xe9", 'x');
    $bed->rewrite("$top/raw/two\nlines", 'x');
    my @expected = (qr{raw/leaves: is a symbolic link to /etc/passwd .file_not_regular},
        qr{raw/stays: is a symbolic link},
        qr{loop: is a symbolic link to \.\.}, qr{raw/pipe: is a pipe}, qr{^\S+ s: is a socket}m,
        qr{raw/latin\\xe9: .*name_invalid}, qr{raw/two\\x0alines: .*name_invalid});
    if ($>) {
        chmod 0, "$top/raw/other.dat";
        push @expected, qr{raw/other.dat: .*file_unreadable};
    }
    my $before = count('experiment');
    my ($status, $out, $err) = import_dir($top);
    is($status, 65, 'exit status');
    is($out, '', 'no uid');
    like($err, $_, "named: $_") for @expected;
    unlike($err, qr/good\.dat:/, 'good files are not');
    like($err, qr/\b${\scalar @expected} entries of \Q$top\E cannot be imported; nothing was/, 'counted');
    is(count('experiment'), $before, 'nothing was imported');
};

subtest 'many problems are counted, not all listed' => sub {
    my $top = $bed->make_experiment('many', {'raw/good.dat' => 'good'});
    symlink('x', "$top/raw/link$_") for 1 .. 30;
    my ($status, $out, $err) = import_dir($top);
    is(scalar(() = $err =~ /is a symbolic link/g), 20, 'twenty are named');
    like($err, qr/and 10 more/, 'the others counted');
};

subtest 'what is wrong with the command' => sub {
    my $top = $bed->make_experiment('fine', {'a/b' => 'c'});
    my $none = $bed->make_experiment('none', {'a/b' => undef});
    my $before = count('experiment');
    my @cases = (
        ['no title', 64, qr/--title is required/, 'import', $top],
        ['empty title', 64, qr/--title/, 'import', $top, '--title', ''],
        ['control character', 64, qr/--owner must be UTF-8/, 'import', $top, '--title', 'T', '--owner',
            "a\@b\n"],
        ['an owner who is no address', 64, qr/--owner must be an e-mail address, not "ada"/, 'import', $top,
            '--title', 'T', '--owner', 'ada'],
        ['several owners in one', 64, qr/--owner must be an e-mail address/, 'import', $top, '--title', 'T',
            '--owner', 'ada@uni.example, eve@uni.example'],
        ['not UTF-8', 64, qr/--author must be UTF-8/, 'import', $top, '--title', 'T', '--author', "\xe9"],
        ['too long', 64, qr/--epn is longer than 255 characters/, 'import', $top, '--title', 'T', '--epn',
            'x' x 256],
        ['update without EPN', 64, qr/--update needs --epn/, 'import', $top, '--title', 'T', '--update'],
        ['no such directory', 77, qr/file_unreadable/, 'import', "$top/nowhere", '--title', 'T'],
        ['a file', 77, qr/file_unreadable/, 'import', "$top/a/b", '--title', 'T'],
        ['no files', 65, qr/has no files.*manifest_empty/, 'import', $none, '--title', 'T'],
    );
    for my $case (@cases) {
        my ($name, $expected, $message, @command) = @$case;
        my ($status, $out, $err) = $bed->run('tardis-provider', @command);
        is($status, $expected, "$name: exit status");
        like($err, $message, "$name: says so");
    }
    is(count('experiment'), $before, 'nothing was imported');
    my ($status, $out, $err) = import_dir($top, '--epn', "\x{c3}\x{a9}" x 255);
    is($status, 0, '255 characters are fine however many bytes they take') or diag $err;
};

done_testing;
