#!/usr/bin/perl
# The file method: whole files in a mounted directory, nothing half, nothing through a symbolic link.
use strict;
use warnings;
use utf8;
use Encode qw(encode_utf8);
use File::Temp;
use FindBin;
use lib "$FindBin::Bin/../lib";
use HttpClient;
use MethodClient;
use Test::More;

my $store = File::Temp->newdir('store-XXXXXXXX', TMPDIR => 1);
my @settings = ('--set', 'type=file', '--set', "serversite=$store/");

my %files = (
    'empty' => '',
    "it's \"quoted\" 100%#.dat" => 'a',
    encode_utf8('straße/ångström.dat') => 'b' x 100_000,
    'deep/' . join('/', 1 .. 12) . '/file' => 'c',
    'n' x 255 => 'd',
    'block' => 'e' x 1_048_576,
    'block-and-one' => 'f' x 1_048_577,
    'large' => join('', map { pack('N', $_) x 1024 } 1 .. 1200),
);
$files{"many/$_"} = "file $_" x $_ for 1 .. 60;
my $bytes = 0;
$bytes += length for values %files;
my $source = MethodClient->new(\%files);

subtest 'files arrive' => sub {
    my $run = $source->move([@settings, '--parallel', 4], '42');
    is($run->{result}, 'ok', 'the job') or diag $run->{text};
    is_deeply($run->{done}, {map { $_ => 'ok' } keys %files}, 'every file is done, once');
    is_deeply(MethodClient::contents("$store/42"), \%files, 'byte for byte, and nothing else is left');
    is($run->{moved}, $bytes, 'every byte is counted');
    is($run->{most}, 4, 'four at a time');
};

subtest 'leftovers of a killed run are replaced' => sub {
    put("$store/42/.block.tardis-part", 'left over and longer ' x 100_000);
    put("$store/42/block", 'an older version');
    my $run = $source->move(\@settings, '42', 'block');
    is_deeply($run->{done}, {block => 'ok'}, 'done');
    is_deeply(MethodClient::contents("$store/42"), \%files, 'replaced, and the leftover is gone');
};

subtest 'killed half way' => sub {
    my $large = MethodClient->new({map { ("f$_" => chr(64 + $_) x 20_000_000) } 1 .. 6});
    my ($pid, $output, $list) = $large->start([@settings, '--parallel', 3], '9');
    my $first = <$output>;
    kill 'KILL', $pid;
    close $output;
    my $got = MethodClient::contents("$store/9");
    is_deeply([grep { /^f/ && length $got->{$_} != 20_000_000 } keys %$got], [], 'no file is at its place in part');
    my $run = $large->move(\@settings, '9');
    is_deeply($run->{done}, {map { ("f$_" => 'ok') } 1 .. 6}, 'run again: all are there');
    is_deeply([sort keys %{MethodClient::contents("$store/9")}], [map { "f$_" } 1 .. 6], 'and no leftover');
};

subtest 'what changed since import does not arrive' => sub {
    my $changed = MethodClient->new({'same' => 'same', 'other' => 'other', 'longer' => 'long', 'gone' => 'gone', 'empty' => ''});
    $changed->write('other', 'OTHER');
    $changed->write('longer', 'longer');
    $changed->write('empty', 'not');
    unlink $changed->dir . '/gone';
    my $run = $changed->move(\@settings, 'changed');
    is($run->{result}, 'ok', 'the others do');
    is_deeply($run->{done}, {same => 'ok', other => 'source_changed', longer => 'source_changed', empty => 'source_changed',
        gone => 'file_missing'}, 'each is told for itself');
    is_deeply(MethodClient::contents("$store/changed"), {same => 'same'}, 'nothing of the changed is left');
};

subtest 'symbolic links' => sub {
    my $outside = File::Temp->newdir('outside-XXXXXXXX', TMPDIR => 1);
    put("$outside/block", 'not ours');
    my $plain = MethodClient->new({'d/block' => 'new', 'block' => 'new'});
    mkdir "$store/links" or die;
    symlink "$outside", "$store/links/d" or die;
    my $run = $plain->move(\@settings, 'links', 'd/block');
    is($run->{result}, 'destination_refused', 'a directory that is a link is not entered');
    like($run->{text}, qr{directory d of links/d/block}, 'it is named');
    mkdir "$store/links/x" or die;
    symlink "$outside/block", "$store/links/x/.block.tardis-part" or die;
    symlink "$outside/block", "$store/links/x/block" or die;
    link "$outside/block", "$store/links/x/.other.tardis-part";
    $run = $plain->move(\@settings, 'links/x', 'block');
    is_deeply($run->{done}, {block => 'ok'}, 'links in the place of files are replaced');
    ok(!-l "$store/links/x/block" && slurp("$store/links/x/block") eq 'new', 'by the file');
    is(slurp("$outside/block"), 'not ours', 'what they pointed to is untouched');
    symlink "$store/42", "$store/links/dest" or die;
    $run = $plain->move(\@settings, 'links/dest', 'block');
    is($run->{result}, 'destination_refused', 'a dest_path through a link');
    symlink "$store", "$outside/mount" or die;
    $run = $plain->move(['--set', 'type=file', '--set', "serversite=$outside/mount"], 'mounted', 'block');
    is_deeply($run->{done}, {block => 'ok'}, 'but serversite itself may be one');
};

subtest 'a destination that refuses' => sub {
    my $run = $source->move(['--set', 'type=file', '--set', "serversite=$store/absent"], '1', 'block');
    is($run->{result}, 'destination_refused', 'a serversite that does not exist');
    is_deeply($run->{done}, {}, 'ends the job');
    put("$store/occupied", 'a file');
    $run = $source->move(\@settings, 'occupied', 'block');
    is($run->{result}, 'destination_refused', 'a file where a directory should be');
    mkdir "$store/taken" or die;
    mkdir "$store/taken/block" or die;
    $run = $source->move(\@settings, 'taken', 'block');
    is($run->{done}{block}, 'destination_error', 'a directory where the file should be');
    is_deeply(MethodClient::contents("$store/taken"), {}, 'nothing is left');
    SKIP: {
        skip 'root may write everywhere', 1 if $> == 0;
        mkdir "$store/closed", 0555 or die;
        $run = $source->move(\@settings, 'closed', 'block');
        is($run->{result}, 'destination_refused', 'a directory that we may not write to');
    }
};

subtest 'a source that is away' => sub {
    my $away = MethodClient->new({'a' => 'a'});
    unlink $away->dir . '/a';
    rmdir $away->dir or die;
    my $run = $away->move(\@settings, 'away');
    is($run->{result}, 'store_unavailable', 'ends the job');
};

subtest 'stopping' => sub {
    my $run = $source->move([@settings, '--break-after', 1], 'stopped');
    is($run->{result}, 'interrupted', 'a tick that says so breaks off');
    is_deeply([grep { /tardis-part$/ } keys %{MethodClient::contents("$store/stopped")}], [], 'nothing half is left');
    $run = $source->move([@settings, '--stop-after', 1, '--parallel', 1], 'one');
    is($run->{result}, 'ok', 'a done that says so stops');
    is(scalar keys %{$run->{done}}, 1, 'after the file in flight');
};

# A file system of one megabyte, in a mount namespace of the test's own: as an ordinary user where the kernel allows it.
for my $case (
    ['a full disk', 'size=1m', '', 'destination_full', qr/^text=1\/.*No space left/m],
    ['a disk mounted read-only', 'size=1m', 'mount -o remount,ro "$0" && ', 'destination_refused',
        qr{^text=directory 1 of 1/.*: Read-only file system$}m],
) {
    my ($name, $options, $then, $code, $reason) = @$case;
    subtest $name => sub {
        my @unshare = $> ? ('unshare', '--user', '--map-root-user', '--mount') : ('unshare', '--mount');
        my $mount = File::Temp->newdir('mount-XXXXXXXX', TMPDIR => 1);
        my $script = "mount -t tmpfs -o $options none \"\$0\" && $then";
        plan skip_all => 'no mount namespace can be made here'
            if system(@unshare, 'sh', '-c', "{ $script true; } 2>/dev/null", $mount) != 0;
        my ($list, @command)
            = $source->command(['--set', 'type=file', '--set', "serversite=$mount"], '1', 'block-and-one', 'large');
        my $pid = open(my $output, '-|') // die "fork: $!\n";
        if (!$pid) {
            open(STDIN, '<', $list->filename) or die "$list: $!\n";
            exec(@unshare, 'sh', '-c', $script . '"$@"; find "$0" -type f', "$mount", @command) or die;
        }
        my $text = do { local $/; <$output> };
        close $output;
        like($text, qr/^result=$code$/m, 'is told as such');
        like($text, $reason, 'with the file and the reason');
        unlike($text, qr/tardis-part$/m, 'no partial file is left');
    };
}

sub put {
    my ($file, $text) = @_;
    open(my $handle, '>', $file) or die "$file: $!\n";
    print $handle $text;
    close $handle or die "$file: $!\n";
}

sub slurp {
    my ($file) = @_;
    open(my $handle, '<', $file) or die "$file: $!\n";
    local $/;
    return <$handle>;
}

done_testing;
