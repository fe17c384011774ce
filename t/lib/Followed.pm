package Followed;

# Experiments that the consumer follows, put straight into its database, for tests of what happens to them
# there.
#
#   my $id = follow($bed, provider => $fake->url, uid => 'tardis.7', state => 'Ingested', files => {'a/b.dat'
# => 'bytes'});
#   my ($status, $out, $err) = tick($bed, '--only', $id);
#   is(state($bed, $id), 'Requested');
#
# The key of a provider that is played is `followed-key`; add_provider() tells the consumer of it.

use strict;
use warnings;
use Digest::MD5 qw(md5);
use Digest::SHA qw(sha512);
use Encode qw(decode);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use JSON::PP;

our @EXPORT = qw(add_provider follow put_files tick tick_until state row change events settle notify_of
    answer KEY);

use constant KEY => 'followed-key';

# ($bed, $url, $key): a provider section; $key undef: without a key_file.
sub add_provider {
    my ($bed, $url, $key) = @_;
    my $conf = $bed->env('CONSUMER_CONF');
    my $file = sprintf '%s/conf/key-%s', $bed->dir, unpack('H*', $url);
    my $text = $bed->slurp($conf);
    if (defined $key) {
        open(my $out, '>', $file) or die "$file: $!\n";
        chmod 0600, $file;
        print $out "$key\n";
        close $out or die "$file: $!\n";
    }
    $text .= "provider \"$url\" {\n" . (defined $key ? "  key_file = \"$file\"\n" : '') . "}\n";
    $bed->rewrite($conf, $text);
    return $file;
}

# ($bed, %what): provider, uid, state, title, owners (array), files (path => bytes; a reference to a hash may
# set size and
# digest (bytes or undef) and algorithm as promised), due (seconds from now). Text is UTF-8 bytes. Returns
# the id.
my $uids = 0;
sub follow {
    my ($bed, %what) = @_;
    my $files = $what{files} // {'raw/a.dat' => 'some bytes'};
    my $uid = $what{uid} // 'tardis.' . (1000 + ++$uids);
    my $db = DBI->connect('DBI:MariaDB:mariadb_read_default_file=' . $bed->env('CONSUMER_DB_OPTIONS')
        . ';mariadb_read_default_group=tardis', undef, undef,
            {RaiseError => 1, PrintError => 0, AutoCommit => 0});
    my @promised = map { promised($_, $files->{$_}) } sort keys %$files;
    my $bytes = 0;
    $bytes += $_->{size} for @promised;
    my $title = decode('UTF-8', $what{title} // "Experiment $uid");
    $db->do("INSERT INTO experiment (title, description, institution, file_count, byte_count, created_at,
        updated_at) VALUES (?, '', 'Facility', ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))", undef, $title,
        scalar @promised, $bytes);
    my $id = $db->{mariadb_insertid};
    $db->do("INSERT INTO dataset VALUES (?, 1, 'raw')", undef, $id);
    my $number = 0;
    $db->do('INSERT INTO owner VALUES (?, ?, ?)', undef, $id, ++$number, $_) for @{$what{owners} // []};
    $number = 0;
    my $insert = $db->prepare('INSERT INTO datafile (experiment_id, number, dataset_number, name, path, size,
        digest_algorithm, digest) VALUES (?, ?, 1, ?, ?, ?, ?, ?)');
    for my $file (@promised) {
        $insert->bind_param(7, undef, DBI::SQL_VARBINARY());
        $insert->execute($id, ++$number, (decode('UTF-8', $file->{path})) x 2,
            @$file{qw(size algorithm digest)});
    }
    $db->do("INSERT INTO synced_experiment (experiment_id, uid, provider_url, document_digest, state,
        state_since, moved_at, next_attempt_at, created_at, updated_at)
        VALUES (?, ?, ?, REPEAT('x', 32), ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6),
        UTC_TIMESTAMP(6) + INTERVAL ? SECOND, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))", undef,
        $id, $uid, $what{provider} // 'http://127.0.0.1:9', $what{state} // 'Ingested', $what{due} // 0);
    $db->commit;
    $db->disconnect;
    return $id;
}

sub promised {
    my ($path, $file) = @_;
    my $content = ref $file ? $file->{content} // '' : $file;
    my %promised = (path => $path, size => length $content, algorithm => 'SHA-512',
        digest => sha512($content));
    %promised = (%promised,
        map { $_ => $file->{$_} } grep { exists $file->{$_} } qw(size algorithm digest)) if ref $file;
    $promised{digest} = md5($content) if $promised{algorithm} && $promised{algorithm} eq 'MD5';
    $promised{algorithm} = undef unless defined $promised{digest};
    return \%promised;
}

# ($bed, $id, \%files): what has arrived of the experiment, path => bytes.
sub put_files {
    my ($bed, $id, $files) = @_;
    my $top = $bed->env('CONSUMER_STORE') . "/$id";
    for my $path (keys %$files) {
        my $name = "$top/$path";
        utf8::downgrade($name); # what came from JSON or DBI makes Perl encode the name once more
        make_path(dirname($name));
        open(my $out, '>:raw', $name) or die "$name: $!\n";
        print $out ref $files->{$path} ? $files->{$path}{content} // '' : $files->{$path};
        close $out or die "$name: $!\n";
    }
    return $top;
}

# ($bed, @options): one tick; (status, output, errors).
sub tick {
    my ($bed, @options) = @_;
    return $bed->run('tardis-consumer', 'tick', @options);
}

# ($bed, $id, $state, $ticks): ticks, whatever is due when, until the experiment is in $state. Whether it is.
sub tick_until {
    my ($bed, $id, $state, $ticks) = @_;
    for (1 .. $ticks // 10) {
        return 1 if state($bed, $id) eq $state;
        tick($bed, '--only', $id);
    }
    return state($bed, $id) eq $state;
}

sub state { return scalar $_[0]->sql('consumer',
    'SELECT state FROM synced_experiment WHERE experiment_id = ?', $_[1]) }

# ($bed, $id, @columns): values of its row.
sub row {
    my ($bed, $id, @columns) = @_;
    my ($row) = $bed->sql('consumer', 'SELECT ' . join(', ', @columns)
        . ' FROM synced_experiment WHERE experiment_id = ?', $id);
    return wantarray ? @$row : $row->[0];
}

# ($bed, $id, $assignments): changes its row behind the back of the tools.
sub change {
    my ($bed, $id, $assignments) = @_;
    $bed->sql('consumer', "UPDATE synced_experiment SET $assignments WHERE experiment_id = ?", $id);
    return;
}

# ($bed, $id): its history as lines "kind from to code", with - for what is not there.
sub events {
    my ($bed, $id) = @_;
    return map { join(' ', map { $_ // '-' } @$_) } $bed->sql('consumer',
        'SELECT kind, from_state, to_state, code FROM synced_event WHERE experiment_id = ? ORDER BY id', $id);
}

# ($bed): nothing that is there now is due any more, and no provider is left alone, so that it is out of the way of
# what follows.
sub settle {
    my ($bed) = @_;
    $bed->sql('consumer', 'UPDATE synced_experiment SET next_attempt_at = NULL');
    $bed->sql('consumer', 'DELETE FROM provider_health');
    return;
}

# ($bed, $uid): the provider says that something has changed. Returns the status of the answer.
sub notify_of {
    my ($bed, $uid) = @_;
    my $content = $bed->form(username => $bed->env('REGISTER_USER'), password => $bed->env('REGISTER_PASSWORD'));
    return $bed->request('POST', $bed->env('CONSUMER_URL') . "/apps/sync/consumer/notify_experiment/$uid/",
        content => $content, headers => {'Content-Type' => 'application/x-www-form-urlencoded'})->{status};
}

# (%status): the provider's answer to status/.
sub answer {
    my (%status) = @_;
    return {status => 200, headers => {'Content-Type' => 'application/json'},
        body => JSON::PP->new->canonical->encode(
            {timestamp => 1700000000.5, human_status => 'x', message => '', %status})};
}

1;
