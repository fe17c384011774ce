#!/usr/bin/perl
# What list, show and retry say and do, by id and by uid, for people and as JSON.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use FakeServer;
use Followed;
use JSON::PP;
use Test::More;
use Testbed;

my $bed = Testbed->new;
my $tool = quotemeta 'tardis-consumer --config ' . $bed->env('CONSUMER_CONF');
my $fake = FakeServer->new(handler => sub {
    my ($request) = @_;
    return {status => 200, body => 'OK'} if $request->{method} eq 'POST';
    return answer(status => 3, message => "disk\x{1b}[31m gone") if $request->{path} =~ /failing/;
    return answer(status => 2, message => '', progress => '1204 of 1210 files');
});
add_provider($bed, $fake->url, KEY);
my %files = ('raw/a.dat' => 'alpha', 'raw/b.dat' => 'beta');
my $moving = follow($bed, provider => $fake->url, uid => 'tardis.moving', state => 'Requested',
    files => \%files,
    title => "R\x{c3}\x{b6}ntgen \x{1b}[2J", owners => ['ada@uni.example', 'bob']);
my $failing = follow($bed, provider => $fake->url, uid => 'tardis.failing', state => 'InProgress');
my $checking = follow($bed, provider => $fake->url, uid => 'tardis.checking', state => 'CheckingIntegrity',
    files => \%files);
my $twin = follow($bed, provider => 'http://127.0.0.1:9', uid => 'tardis.moving', due => 1000);
put_files($bed, $checking, {'raw/a.dat' => 'alpha', 'raw/b.dat' => 'BETA'});
tick($bed);

sub consumer { return $bed->run('tardis-consumer', @_) }
sub as_json { my ($status, $out, $err) = consumer(@_, '--json'); is($status, 0, "@_ --json")
    or diag $err; return decode_json($out) }

subtest 'list' => sub {
    my ($status, $out) = consumer('list');
    is($status, 0, 'works');
    my @lines = split /\n/, $out;
    like($lines[0], qr/^ID +UID +STATE +SINCE +FILES +PROGRESS +NEXT ATTEMPT +ERROR$/, 'headings');
    like($lines[1], qr/^$moving +tardis\.moving +InProgress +\S+Z +2 +1204 of 1210 files +\S+Z +-$/,
        'what moves');
    like($lines[2], qr/^$failing +tardis\.failing +FailPermanent .* - +transfer_failed$/, 'what failed');
    is(@lines, 5, 'all are there');
    ($status, $out) = consumer('list', '--state', 'FailPermanent');
    is(scalar(() = $out =~ /^\d+ +tardis\./mg), 2, '--state selects');
    ($status, $out, my $err) = consumer('list', '--state', 'Broken');
    is($status, 64, 'a state that there is not');
    like($err, qr/Ingested, Requested, InProgress, CheckingIntegrity, Complete, FailPermanent/,
        'and those that there are');
    my $all = as_json('list');
    is_deeply([map { $_->{id} } @$all], [$moving, $failing, $checking, $twin], 'JSON has all of them');
    is($all->[0]{status}{progress}, '1204 of 1210 files', 'with the last answer');
    is_deeply(as_json('list', '--state', 'Complete'), [], 'or none');
};

subtest 'show' => sub {
    my ($status, $out, $err) = consumer('show', $moving);
    is($status, 0, 'works') or diag $err;
    like($out, qr/^Experiment $moving: R\x{c3}\x{b6}ntgen \?\[2J\n/, 'a title cannot steer the terminal');
    like($out, qr/^  owners +ada\@uni\.example\n +bob$/m, 'owners');
    like($out, qr/^  state +InProgress since /m, 'the state');
    like($out, qr/^  files +2, 9 B, below \Q@{[$bed->env('CONSUMER_STORE')]}\E\/$moving$/m,
        'files and where they go');
    like($out, qr/^  answer +Transfer In Progress: 1204 of 1210 files\n +last told at \S+Z$/m,
        'what the provider said');
    like($out, qr/^  \S+Z  \S+  Requested -> InProgress: the transfer has begun: 1204 of 1210 files$/m,
        'history');
    my $asks = qr/The (?:first|next) tick.* asks the provider how far the transfer is\./;
    like($out, qr/^What happens next\n  $asks If nothing moves, it is given up after \S+Z\.\n\z/m,
        'and the future');
    ($status, $out) = consumer('show', 'tardis.failing');
    is($status, 0, 'by uid');
    like($out, qr/^  error +the provider says: Transfer Failed: disk \[31m gone \[transfer_failed\]$/m,
        'the error');
    like($out, qr/To start it again: $tool retry $failing\n\z/, 'and the command to run');
    ($status, $out) = consumer('show', $checking);
    like($out, qr/^Files that are not as promised: 1\n  raw\/b\.dat: SHA-512 is .* \[digest_mismatch\]$/m,
        'problems');
    like($out, qr/^  \S+  \S+  2 of 2 files were checked, 9 B$/m, 'how much was checked');
    ($status, $out, $err) = consumer('show', 'tardis.moving');
    is($status, 64, 'a uid that two providers use');
    like($err, qr/$moving \(from \Q@{[$fake->url]}\E\), $twin \(from /, 'lists both');
    for my $nobody ('tardis.nobody', '4711', '99999999999999999999', "x' OR 1=1") {
        ($status, $out, $err) = consumer('show', $nobody);
        is($status, 66, "$nobody is not found");
        like($err, qr/\[not_found\]/, 'and says so');
    }
    my $json = as_json('show', $checking);
    is($json->{problems}[0]{code}, 'digest_mismatch', 'JSON: problems');
    is($json->{events}[-1]{to_state}, 'FailPermanent', 'JSON: history');
    is($json->{state}, 'FailPermanent', 'JSON: state');
    like($json->{advice}, qr/retry $checking$/, 'JSON: advice');
};

subtest 'retry' => sub {
    my ($status, $out, $err) = consumer('retry', $moving);
    is($status, 1, 'only what has failed can be restarted');
    like($err, qr/is InProgress; only a FailPermanent one can be restarted \[conflict\]/, 'and says why');
    ($status, $out, $err) = consumer('retry', 'tardis.checking');
    is($status, 0, 'a failed one is restarted') or diag $err;
    like($out, qr/^experiment $checking \(tardis\.checking\) is Ingested again/, 'it says so');
    is_deeply(
        [row($bed, $checking, qw(state attempts checked_through bytes_checked error_code status_document))],
        ['Ingested', 0, 0, 0, undef, undef], 'from the beginning');
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM file_problem WHERE experiment_id = ?', $checking), 0,
        'without problems');
    is((events($bed, $checking))[-1], 'manual FailPermanent Ingested -', 'its history is kept and goes on');
    like(scalar $bed->sql('consumer',
        'SELECT text FROM synced_event WHERE experiment_id = ? ORDER BY id DESC LIMIT 1', $checking),
        qr/^@{[(getpwuid($>))[0]]} /, 'with the name of the user');
    ($status, $out, $err) = consumer('retry', $moving, 'tardis.failing', 'tardis.nobody');
    is($status, 1, 'of several, those that cannot be restarted are named');
    is(state($bed, $failing), 'Ingested', 'and the others are restarted');
    like($err, qr/\[conflict\].*\[not_found\]/s, 'each with its reason');
    put_files($bed, $checking, \%files);
    $bed->sql('consumer', "UPDATE synced_experiment SET state = 'CheckingIntegrity' WHERE experiment_id = ?",
        $checking);
    tick($bed, '--only', $checking);
    is(state($bed, $checking), 'Complete', 'what was mended is complete');
};

subtest 'register' => sub {
    my ($status, $out, $err) = consumer('register', '/nowhere.xml');
    is($status, 64, 'uid and provider are required');
    my $document = $bed->dir . '/not.xml';
    $bed->rewrite($document, '<mets xmlns="http://www.loc.gov/METS/"><dmd');
    ($status, $out, $err) = consumer('register', $document, '--uid', 'tardis.reg', '--from', $fake->url);
    is($status, 65, 'what is no document is refused');
    like($err, qr/\[document_malformed\]/, 'with the reason');
    is($bed->sql('consumer', "SELECT COUNT(*) FROM synced_experiment WHERE uid = 'tardis.reg'"), 0,
        'and nothing remains');
};

done_testing;
