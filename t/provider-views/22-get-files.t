# get/ with fields `file`: what is granted is that these are sent and no others, and it is granted only if that is
# certain to be so; otherwise everything is sent, as without them.
use strict;
use warnings;
use Test::More;
use Testbed;
use Views;

my $bed = Testbed->new;
my $uid = new_experiment($bed, 'alpha');
my ($id) = $uid =~ /(\d+)$/;
my %size = ('raw/a' => 1, 'raw/a ' => 2, 'raw/b c+d' => 30, "raw/\xc3\xa4&=%" => 400, 'raw/empty' => 0, 'z' => 5000);
my $number = 0;
$bed->sql('provider', 'INSERT INTO datafile (experiment_id, number, dataset_number, name, path, size) VALUES '
    . '(?, ?, 1, "n", CONVERT(UNHEX(?) USING utf8mb4), ?)', $id, ++$number, unpack('H*', $_), $size{$_})
    for sort keys %size;
$bed->sql('provider', 'UPDATE experiment SET file_count = 6, byte_count = 5433 WHERE id = ?', $id);
my @some = ('raw/a', "raw/\xc3\xa4&=%", 'raw/empty');
$bed->error_log('provider', 1);

# (\@files, %more): a get/ of these files; %more overrides its fields.
sub get {
    my ($files, %more) = @_;
    my %form = (uid => $uid, dest_path => '17', site_settings_url => $bed->env('SITE_SETTINGS_URL'), %more);
    return $bed->provider('POST', 'get/', content => $bed->form(%form, map { (file => $_) } @$files),
        headers => {'Content-Type' => 'application/x-www-form-urlencoded'});
}

sub transfer {
    my ($row) = $bed->sql('provider', 'SELECT state, files_total, bytes_total, sent_through,
        (SELECT COUNT(*) FROM transfer_file WHERE transfer_id = id) FROM transfer');
    return "@$row";
}

# The row as it is left by what happened before: "STATE", "STATE told" or "STATE partial".
my $asked = 0;
sub set_state {
    my ($state, $kind) = split / /, $_[0];
    $bed->sql('provider', 'DELETE FROM transfer');
    get([]);
    if (($kind // '') =~ /partial/) {
        $bed->sql('provider', 'UPDATE transfer SET state = "Complete", told_complete = TRUE');
        is(get(\@some, sending => sending())->{headers}{'x-tardis-files'}, 3, 'a partial sending');
    }
    $bed->sql('provider', 'UPDATE transfer SET state = ?, told_complete = ?, files_done = 1', $state,
        $_[0] =~ / told/ ? 1 : 0);
    $bed->sql('provider', 'DELETE FROM transfer_file') if $state eq 'Complete';
}

sub sending { return scalar $bed->sql('provider',
    'SELECT TIMESTAMPDIFF(MICROSECOND, "1970-01-01", requested_at) FROM transfer') }
sub sending_before { return scalar $bed->sql('provider', 'SELECT partial_after FROM transfer') }
sub history { return scalar $bed->sql('provider', 'SELECT COUNT(*) FROM transfer_event') }

# ($name, $answer, $files): it is granted that so many files are sent; 0: all are.
sub grants {
    my ($name, $answer, $files) = @_;
    is("$answer->{status} $answer->{content}", '200 OK', "$name: is accepted");
    is($answer->{headers}{'x-tardis-files'} // 0, $files, "$name: " . ($files ? "$files files" : 'all files'));
    is($answer->{headers}{'x-tardis-sending'} // 0, $files ? sending() : 0, "$name: in this sending");
}

subtest 'a transfer that is Complete' => sub {
    grants('a first request', get(\@some), 0);
    is(transfer(), 'Queued 6 5433 0 0', 'is of all files');
    set_state('Complete told');
    my $before = sending();
    grants('some files', get(\@some, sending => $before), 3);
    is(transfer(), 'Queued 3 401 0 3', 'they are queued');
    cmp_ok(sending(), '>', $before, 'it is another sending');
    my $events = history();
    like($bed->sql('provider', 'SELECT text FROM transfer_event ORDER BY id DESC LIMIT 1'),
        qr/^Complete -> Queued: Testbed University asked for 3 of 6 files again, /, 'the history tells');
    like($bed->provider('GET', "status/$uid/")->{content}, qr/"progress": "0 of 3 files again, 0 B of 401 B", /,
        'and the status');
    my $sending = sending();
    grants('the same again', get(\@some, sending => $before), 3);
    grants('in another order, one twice', get([reverse(@some), $some[0]], sending => $before), 3);
    grants('from one that got the answer', get(\@some, sending => $sending), 3);
    is(sending() . ' ' . history(), "$sending $events", 'starts nothing');
    set_state('Complete told');
    grants('one file with a blank at its end', get(['raw/a '], sending => sending()), 1);
    is(transfer(), 'Queued 1 2 0 1', 'is the one');
    set_state('Complete told');
    grants('all of them', get([keys %size], sending => sending()), 6);
    set_state('Complete told');
    grants('without the number of the sending', get(\@some), 3);
    grants('again', get(\@some), 3);
};

# state, sending that is named, files, granted, row afterwards
for my $case (
    ['Complete told', 'another', \@some, 0, 'Queued 6 5433 0 0'],
    ['Complete', 'last', \@some, 0, 'Complete 6 5433 0 0'],
    ['Complete', 'none', \@some, 0, 'Complete 6 5433 0 0'],
    ['Complete partial', 'before', \@some, 3, 'Complete 3 401 0 0'],
    ['Complete partial', 'none', \@some, 3, 'Complete 3 401 0 0'],
    ['Complete partial', 'before', ['z'], 0, 'Queued 6 5433 0 0'],
    ['Complete partial', 'none', [], 0, 'Queued 6 5433 0 0'],
    ['Complete partial told', 'before', \@some, 3, 'Complete 3 401 0 0'],
    ['Complete partial told', 'last', \@some, 3, 'Queued 3 401 0 3'],
    ['Complete partial told', 'last', ['z'], 1, 'Queued 1 5000 0 1'],
    ['Complete partial told', 'before', ['z'], 0, 'Queued 6 5433 0 0'],
    ['Complete partial told', 'none', [], 0, 'Queued 6 5433 0 0'],
    (map { ["$_", 'last', \@some, 0, "$_ 6 5433 0 0"], ["$_ partial", 'before', \@some, 3, "$_ 3 401 0 3"],
        ["$_ partial", 'last', \@some, 3, "$_ 3 401 0 3"], ["$_ partial", 'another', \@some, 0, 'Queued 6 5433 0 0'],
        ["$_ partial", 'before', ['z'], 0, 'Queued 6 5433 0 0'], ["$_ partial", 'none', [], 0, 'Queued 6 5433 0 0'] }
        qw(Queued Sending)),
    (map { ["$_", 'last', \@some, 0, 'Queued 6 5433 0 0'], ["$_ partial", 'before', \@some, 3, 'Queued 3 401 0 3'],
        ["$_ partial", 'last', \@some, 3, 'Queued 3 401 0 3'], ["$_ partial", 'none', \@some, 0, 'Queued 6 5433 0 0'],
        ["$_ partial", 'before', ['z'], 0, 'Queued 6 5433 0 0'], ["$_ partial", 'none', [], 0, 'Queued 6 5433 0 0'] }
        qw(Failed Cancelled)),
) {
    my ($state, $named, $files, $granted, $row) = @$case;
    subtest "$state, naming the sending: $named, " . @$files . ' files' => sub {
        set_state($state);
        my $sending = {another => sending() - 1, last => sending(), before => sending_before()}->{$named};
        grants('the request', get($files, defined $sending ? (sending => $sending) : ()), $granted);
        is(transfer(), $row, 'the transfer');
    };
}

subtest 'another place' => sub {
    set_state('Complete told');
    grants('where none of the others are', get(\@some, sending => sending(), dest_path => '18'), 0);
    is(transfer(), 'Queued 6 5433 0 0', 'all are queued');
    set_state('Sending partial');
    is(get(\@some, sending => sending(), dest_path => '18')->{status}, 409, 'while they are being sent');
};

set_state('Complete told');
my $row = transfer();
sub refused {
    my ($name, $files, $text, $code, %more) = @_;
    $bed->error_log('provider', 1);
    answers($bed, 'provider', $name, get($files, sending => sending(), %more), 400, qr/$text.* \[$code\]\n$/,
        qr/\[tardis_provider:warn\].* \[$code\]; answered 400$/);
    is(transfer(), $row, "$name: nothing is changed");
}
refused("file $_", ['raw/a', $_], qr/^the experiment has no file "\Q$_\E"/, 'form_invalid')
    for 'raw/A', 'raw/a  ', 'raw', 'raw/b%20c+d', "raw/a' OR '1'='1";
refused('file ' . unpack('H*', $_), ['raw/a', $_], qr/^file: the path /, 'path_invalid')
    for '', '/raw/a', '../a', 'raw/../z', 'z/', 'raw//a', "raw\\a", "raw/\xff", "raw/a\n", 'x' x 256;
refused('a NUL in a path', ["raw/a\0"], qr/^field file holds a NUL/, 'form_invalid');
refused('a long path', [join '/', ('x' x 200) x 21], qr/^field file is longer than 4095 bytes/, 'form_invalid');
refused('a long path that is unknown', [join '/', ('x' x 200) x 20], qr/no file "x{200}\/x{54}\.\.\."/, 'form_invalid');
refused('too many', [map { "raw/$_" } 1 .. 901], qr/^there are 901 fields file, more than 900/, 'form_invalid');
refused('far too many', [map { "raw/$_" } 1 .. 1000], qr/^the form has more than 1000 fields/, 'form_invalid');
refused("sending \"$_\"", \@some, qr/^the field sending is no number: /, 'form_invalid', sending => $_)
    for '', '-1', '1.5', '0x10', '1' x 19, 'now', ' 1';
refused('no uid', \@some, qr/^the field uid is missing/, 'form_invalid', uid => '');
$bed->error_log('provider', 1);
answers($bed, 'provider', 'a large form', get([map { join '/', $_, ('x' x 250) x 5 } 1 .. 900]), 413,
    qr/\[document_too_large\]/, qr/:warn\]/);
answers($bed, 'provider', 'another key', $bed->provider('POST', 'get/', key => 'x' x 20,
    content => $bed->form(uid => $uid, file => 'z')), 403, '', qr/:error\].*\[forbidden\]/);
is(transfer(), $row, 'nothing is changed');

subtest 'as many as may be' => sub {
    $bed->sql('provider', 'INSERT INTO datafile (experiment_id, number, dataset_number, name, path, size)
        SELECT ?, 100 + seq, 1, "n", CONCAT("many/", seq), seq FROM seq_1_to_1000', $id);
    grants('900 files', get([map { "many/$_" } 1 .. 900], sending => sending()), 900);
    is(transfer(), 'Queued 900 405450 0 900', 'are queued');
    $bed->error_log('provider', 1);
};
done_testing;
