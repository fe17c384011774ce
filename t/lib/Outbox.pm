package Outbox;

# Mail that waits in the consumer's database, and mail that a server was given.
#
#   my @ids = queue($bed, 30, to => ['ops@uni.example'], state => 'FailPermanent', code => 'digest_mismatch');
#   my ($headers, $text) = parse_mail(($sink->messages)[0]);
#   is($headers->{subject}, 'one line');
#   make_due($bed);                 what waits, also what a process holds

use strict;
use warnings;
use Encode qw(decode);
use Exporter qw(import);
use MIME::QuotedPrint;

our @EXPORT = qw(queue make_due parse_mail);

# ($bed, $count, %what): to (array of addresses), state, code, error (text), title. Experiments that have ended, and
# a mail about each for each recipient. Returns the ids of the experiments.
sub queue {
    my ($bed, $count, %what) = @_;
    my $state = exists $what{state} ? $what{state} : 'Complete';
    my $db = DBI->connect('DBI:MariaDB:mariadb_read_default_file=' . $bed->env('CONSUMER_DB_OPTIONS')
        . ';mariadb_read_default_group=tardis', undef, undef, {RaiseError => 1, PrintError => 0, AutoCommit => 0});
    my ($last) = $db->selectrow_array('SELECT COALESCE(MAX(id), 0) FROM experiment');
    my $experiment = $db->prepare("INSERT INTO experiment (id, title, description, institution, file_count, byte_count,
        created_at, updated_at) VALUES (?, ?, '', 'Facility', 0, 0, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))");
    my $synced = $db->prepare("INSERT INTO synced_experiment (experiment_id, uid, provider_url, document_digest, state,
        state_since, moved_at, error_code, error_text, created_at, updated_at) VALUES (?, ?, 'https://provider.example',
        REPEAT('x', 32), ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))");
    my $mail = $db->prepare("INSERT INTO notification (experiment_id, recipient, subject, body, about_state, about_code,
        created_at, next_attempt_at) VALUES (?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))");
    my @ids = map { $last + $_ } 1 .. $count;
    for my $id (@ids) {
        $experiment->execute($id, $what{title} // "Title of $id");
        $synced->execute($id, "queued.$id", $state // 'Complete', $what{code}, $what{error});
        $mail->execute($id, $_, "[tardis] about $id", "It is about $id.\n", $state, $what{code}) for @{$what{to}};
    }
    $db->commit;
    $db->disconnect;
    return @ids;
}

sub make_due {
    my ($bed) = @_;
    $bed->sql('consumer',
        'UPDATE notification SET next_attempt_at = UTC_TIMESTAMP(6) WHERE next_attempt_at IS NOT NULL');
    return;
}

# ($message): its headers, decoded, as a reference to a hash, and its text.
sub parse_mail {
    my ($message) = @_;
    my ($head, $body) = split /\n\n/, $message->{data}, 2;
    my %headers;
    for (split /\n(?![ \t])/, $head) {
        my ($name, $value) = /^([A-Za-z-]+): (.*)\z/s or die "no header: $_\n";
        die "$name is there twice\n" if exists $headers{lc $name};
        $headers{lc $name} = decode('MIME-Header', $value);
    }
    return (\%headers, decode('UTF-8', decode_qp($body)));
}

1;
