#!/usr/bin/perl
# Nothing is Complete that is not as promised, and nothing is blamed on a file that says nothing about it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Followed;
use Test::More;
use Testbed;
use Testbed::Servers;

my $bed = Testbed->new;
my $store = $bed->env('CONSUMER_STORE');
my %files = ('raw/a.dat' => 'alpha', 'raw/b.dat' => 'b' x 3_000_000, 'raw/empty' => '',
    "x y/\x{c3}\x{a4}'\"\\.dat" =~ s/\\//r => 'umlaut');
put_files($bed, 'someone-else', {'file' => 'so that the store is not empty'});

sub checking {
    my ($files, %more) = @_;
    return follow($bed, state => 'CheckingIntegrity', files => $files, %more);
}

# ($id): its problems as lines "number code".
sub problems {
    return map { join ' ', @$_ } $bed->sql('consumer',
        'SELECT file_number, code FROM file_problem WHERE experiment_id = ? ORDER BY file_number', $_[0]);
}

subtest 'all there' => sub {
    my $id = checking({%files, 'md5' => {content => 'old', algorithm => 'MD5'}});
    put_files($bed, $id, {%files, md5 => 'old'});
    my ($status, $out, $err) = tick($bed);
    like($out, qr/^tick: 1 stepped, 0 moved on, 1 complete/, 'complete') or diag $err;
    is(state($bed, $id), 'Complete');
    is(row($bed, $id, 'checked_through'), 5, 'every file was checked');
    is(row($bed, $id, 'bytes_checked'), 3_000_014, 'every byte');
    is_deeply([problems($id)], [], 'no problem');
};

my %wrong = (
    'size_mismatch' => ['short', sub { put_files($bed, $_[0], {'raw/a.dat' => 'alp'}) },
        qr/raw\/a\.dat: size is 3 bytes, 5 were promised/],
    'digest_mismatch' => ['of the right size and wrong', sub { put_files($bed, $_[0],
        {'raw/a.dat' => 'alphA'}) },
        qr/raw\/a\.dat: SHA-512 is [0-9a-f]{16}\.\.\., [0-9a-f]{16}\.\.\. was promised/],
    'file_missing' => ['missing', sub { unlink "$store/$_[0]/raw/a.dat" }, qr/: raw\/a\.dat is not there/],
    'file_not_regular' => ['a symbolic link', sub {
        rename "$store/$_[0]/raw/a.dat", "$store/$_[0]/elsewhere";
        symlink '../elsewhere', "$store/$_[0]/raw/a.dat" or die "symlink: $!\n";
    }, qr/symbolic link/],
);
for my $code (sort keys %wrong) {
    my ($name, $spoil, $text) = @{$wrong{$code}};
    subtest "a file that is $name" => sub {
        my $id = checking(\%files);
        put_files($bed, $id, \%files);
        $spoil->($id);
        my ($status, $out, $err) = tick($bed);
        is($status, 0, 'the tick itself succeeds');
        is(state($bed, $id), 'FailPermanent', 'the experiment fails');
        is(row($bed, $id, 'error_code'), $code, $code);
        like(row($bed, $id, 'error_text'), qr/^1 of 4 files is not as promised: /, 'it counts');
        like(row($bed, $id, 'error_text'), $text, 'it names the file');
        is_deeply([problems($id)], ["1 $code"], 'the problem is kept');
        like($err, qr/\[$code\]; it is now FailPermanent/, 'and logged');
    };
}

subtest 'a directory, a link and a pipe in place of what was promised' => sub {
    my $id = checking({map { $_ => 'x' } qw(a/directory b/link/file c/pipe)});
    put_files($bed, $id, {'a/directory/file' => 'x', 'real/file' => 'x', 'c/other' => 'x'});
    mkdir "$store/$id/b";
    symlink '../real', "$store/$id/b/link" or die "symlink: $!\n";
    system('mkfifo', "$store/$id/c/pipe") == 0 or die "mkfifo failed\n";
    tick($bed);
    is_deeply([problems($id)], ['1 file_not_regular', '2 file_not_regular', '3 file_not_regular'],
        'none of them is followed');
    like(row($bed, $id, 'error_text'),
        qr/^3 of 3 files are not as promised: a\/directory.*; b\/link\/file.*; c\/pipe/, 'all are named');
};

subtest 'many problems' => sub {
    my %many = map { sprintf('f%04d', $_) => $_ } 1 .. 2500;
    my $id = checking(\%many);
    put_files($bed, $id, {map { $_ => $many{$_} } grep { !/7$/ } keys %many});
    tick($bed);
    is(state($bed, $id), 'FailPermanent');
    like(row($bed, $id, 'error_text'),
        qr/^250 of 2500 files are not as promised: f0007 is not there; f0017.*; f0027.*; \.\.\.\z/,
        'the first ones are named');
    is(scalar(my @all = problems($id)), 250, 'all are kept');
    my ($status, $page) = $bed->run('tardis-consumer', 'show', $id);
    like($page, qr/Files that are not as promised: 250; the first of them\n/, 'show says how many');
    is(scalar(() = $page =~ /\[file_missing\]$/mg) - 1 - 1, 20, 'and lists twenty');
};

subtest 'files without a digest' => sub {
    my $id = checking(
        {a => {content => 'x', digest => undef}, b => {content => 'yy', digest => undef}, c => 'z'});
    put_files($bed, $id, {a => 'X', b => 'yy', c => 'z'});
    tick($bed);
    is(state($bed, $id), 'Complete', 'do not fail the experiment');
    my ($status, $page) = $bed->run('tardis-consumer', 'show', $id);
    like($page, qr/^\s+2 without a digest: only existence and size can be checked$/m, 'but show counts them');
    $id = checking({a => {content => 'x', digest => undef}, b => 'y'});
    put_files($bed, $id, {a => 'xx', b => 'y'});
    tick($bed);
    is(row($bed, $id, 'error_code'), 'size_mismatch', 'their size counts');
};

subtest 'an experiment without files' => sub {
    my $id = checking({});
    tick($bed);
    is(row($bed, $id, 'error_code'), 'manifest_empty', 'fails');
    $bed->set_option('consumer', 'allow_empty', 'true');
    $id = checking({});
    tick($bed);
    is(state($bed, $id), 'Complete', 'unless that is allowed');
    $bed->set_option('consumer', 'allow_empty', undef);
};

subtest 'a store that is not there says nothing about files' => sub {
    my $id = checking(\%files);
    put_files($bed, $id, \%files);
    rename $store, "$store.away" or die "rename: $!\n";
    my ($status, $out, $err) = tick($bed);
    is($status, 0, 'the tick itself succeeds');
    is(state($bed, $id), 'CheckingIntegrity', 'a store that is gone: it stays');
    is(row($bed, $id, 'error_code'), 'store_unavailable', 'store_unavailable');
    mkdir $store or die "mkdir: $!\n";
    tick($bed, '--only', $id);
    is(state($bed, $id), 'CheckingIntegrity', 'a mount point without its file system: it stays');
    like(row($bed, $id, 'error_text'), qr/is empty; is it mounted\?/, 'and says why');
    is_deeply([problems($id)], [], 'no file was blamed');
    rmdir $store;
    rename "$store.away", $store or die "rename: $!\n";
    tick($bed, '--only', $id);
    is(state($bed, $id), 'Complete', 'it goes on once the store is back');
    is(row($bed, $id, 'error_code'), undef, 'and the error is past');
};

subtest 'a store that goes away while files are checked' => sub {
    my $id = checking({a => 'x', z => {size => 8 * 2 ** 30}});
    my $top = put_files($bed, $id, {a => 'x', z => ''});
    truncate "$top/z", 8 * 2 ** 30;
    my $pid = $bed->start('tardis-consumer', 'tick');
    Testbed::Servers::wait_until(30, sub { row($bed, $id, 'checked_through') == 1 })
        or die "nothing was checked\n";
    rename $store, "$store.away" or die "rename: $!\n";
    mkdir $store or die "mkdir: $!\n";
    truncate "$store.away/$id/z", 0;
    waitpid $pid, 0;
    is($?, 0, 'the tick itself succeeds');
    is(state($bed, $id), 'CheckingIntegrity', 'it stays');
    is(row($bed, $id, 'error_code'), 'store_unavailable', 'store_unavailable');
    is_deeply([problems($id)], [], 'no file was blamed');
    rmdir $store;
    rename "$store.away", $store or die "rename: $!\n";
    settle($bed);
};

subtest 'a check that takes longer than a tick' => sub {
    my $id = checking({a => {size => 2 ** 31}, b => {size => 2 ** 31}});
    my $top = put_files($bed, $id, {a => '', b => ''});
    truncate "$top/$_", 2 ** 31 for qw(a b);
    $bed->set_option('consumer', 'hash_threads', 1);
    my ($status, $out) = tick($bed, '--time-limit', 1);
    is($status, 0, 'the tick itself succeeds');
    like($out, qr/^tick: 1 stepped, 0 moved on, 0 complete, 0 failed, 1 waiting/, 'it is not at its end');
    is(row($bed, $id, 'checked_through'), 1, 'the file that was begun is finished, no other begun');
    is(row($bed, $id, 'next_attempt_at <= UTC_TIMESTAMP(6)'), 1, 'the next tick goes on at once');
    tick($bed, '--time-limit', 1);
    is(row($bed, $id, 'error_code'), 'digest_mismatch', 'and comes to the end');
    is_deeply([problems($id)], ['1 digest_mismatch', '2 digest_mismatch'], 'with what was found before');
    unlink "$top/a", "$top/b";
    $bed->set_option('consumer', 'hash_threads', undef);
};

SKIP: {
    skip 'root may read everything', 1 if !$>;
    subtest 'what cannot be read' => sub {
        my $id = checking(\%files);
        put_files($bed, $id, \%files);
        chmod 0, "$store/$id/raw/a.dat";
        tick($bed);
        is(row($bed, $id, 'error_code'), 'file_unreadable', 'is a problem');
        chmod 0644, "$store/$id/raw/a.dat";
    };
}

subtest 'a check that is stopped goes on where it was' => sub {
    my %large = map { sprintf('part%02d', $_) => 'x' x 1000 } 1 .. 30;
    my $id = checking(\%large);
    put_files($bed, $id, \%large);
    unlink "$store/$id/part03";
    change($bed, $id, 'checked_through = 20, bytes_checked = 20000');
    tick($bed);
    is(state($bed, $id), 'Complete', 'what is behind the cursor is not looked at again');
    is(row($bed, $id, 'bytes_checked'), 30_000, 'bytes go on counting');
};

done_testing;
