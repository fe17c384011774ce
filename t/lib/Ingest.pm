package Ingest;

# A private database and t/unit/ingest_client, which reads documents into it and writes them out of it.
#
#   my $ingest = Ingest->new;
#   my $result = $ingest->register($bytes, 'tardis.1', 'https://provider.example', 'owner@uni.example');
#   is($result->{outcome}, 'created');
#   my $bytes = $ingest->write($result->{id});

use strict;
use warnings;
use DBI;
use PrivateDb;

# What a document says of an experiment. digest_note is not in it: that tells about the document a row came
# from.
my %CATALOGUE = (
    author              => 'number, name',
    dataset             => 'number, description',
    datafile            => 'number, dataset_number, name, path, size, media_type, digest_algorithm, digest',
    parameter_set       => 'number, schema_uri, root_element',
    parameter_set_owner => 'owner_kind, owner_number, position, set_number',
    parameter           => 'set_number, number, name, text_value, numeric_value',
);
my @TABLES = ('experiment', 'owner', sort(keys %CATALOGUE), 'synced_experiment', 'synced_event');

sub new {
    my ($class) = @_;
    my $server = PrivateDb->new;
    my $self = bless {server => $server, client => $server->build . '/t/unit/ingest_client', count => 0},
        $class;
    $self->{options} = $server->option_file('consumer');
    $self->call('schema');
    $self->{db} = DBI->connect("DBI:MariaDB:mariadb_read_default_file=$self->{options};"
            . 'mariadb_read_default_group=tardis', undef, undef, {RaiseError => 1, PrintError => 0});
    return $self;
}

# ($bytes, @arguments): registers a document. Returns what became of it: outcome, id, files, bytes and
# warnings
# (a reference to an array), or code, line and text of the error.
sub register {
    my ($self, $bytes, @arguments) = @_;
    return $self->register_file($self->file($bytes), @arguments);
}

sub register_file { my ($self, $file, @arguments) = @_; return parse($self->call('register', $file,
    @arguments)) }

# ($output): what ingest_client said, as register() returns it.
sub parse {
    my ($output) = @_;
    return {code => $1, line => $2, text => $3} if $output =~ /^error (\S+) (\d+) (.*)/;
    my ($outcome, $id, $files, $bytes) = $output =~ /^(created|updated|unchanged) (\d+) (\d+) (\d+)$/m
        or return {code => 'crash', line => 0, text => $output};
    return {outcome => $outcome, id => $id, files => $files, bytes => $bytes,
        warnings => [$output =~ /^warning (.*)$/mg]};
}

# ($id, @protocol): the experiment as METS, in bytes.
sub write {
    my ($self, $id, @protocol) = @_;
    my $file = $self->file('');
    my $output = $self->call('write', $id, $file, @protocol);
    die "write: $output" unless $output eq "written\n";
    open(my $in, '<:raw', $file) or die "$file: $!\n";
    local $/;
    return scalar <$in>;
}

# ($bytes): the name of a new file that holds them.
sub file {
    my ($self, $bytes) = @_;
    my $file = $self->{server}->dir . '/document-' . ++$self->{count} . '.xml';
    open(my $out, '>:raw', $file) or die "$file: $!\n";
    print $out $bytes;
    close $out or die "$file: $!\n";
    return $file;
}

# (@arguments): what ingest_client prints. That it crashes is no answer.
sub call {
    my ($self, @arguments) = @_;
    open(my $out, '-|', $self->{client}, $self->{options}, @arguments) or die "$self->{client}: $!\n";
    local $/;
    my $text = <$out> // '';
    close $out;
    die "ingest_client ended with $?: $text\n" if $? != 0 && $? != 1 << 8;
    return $text;
}

# ($statement, @values): rows as references to arrays.
sub sql { my ($self, $statement, @values) = @_; return @{$self->{db}->selectall_arrayref($statement, undef,
    @values)} }

sub sql_do { my ($self, $statement, @values) = @_; return $self->{db}->do($statement, undef, @values) }

# ([$file, @arguments], ...): registers files at the same time. Returns what became of each, as register()
# does.
sub register_at_once {
    my ($self, @calls) = @_;
    my @outputs = map {
        open(my $out, '-|', $self->{client}, $self->{options}, 'register', @$_)
            or die "$self->{client}: $!\n";
        $out;
    } @calls;
    return map { my $out = $_; local $/; parse(scalar(<$out>) // '') } @outputs;
}

# How many rows there are in all tables that a registration fills.
sub rows {
    my ($self) = @_;
    my $count = 0;
    $count += ($self->sql("SELECT COUNT(*) FROM $_"))[0][0] for @TABLES;
    return $count;
}

# ($id): every value of an experiment that a document carries, a line each.
sub catalogue {
    my ($self, $id) = @_;
    my @lines = map { line('experiment', $_) } $self->sql(
        'SELECT epn, title, description, institution, start_time, end_time, url, file_count, byte_count '
            . 'FROM experiment WHERE id = ?', $id);
    for my $table (sort keys %CATALOGUE) {
        my $order = join(', ', 1 .. ($table =~ /^(?:author|dataset)$/ ? 1 : 3));
        push @lines, map { line($table, $_) }
            $self->sql("SELECT $CATALOGUE{$table} FROM $table WHERE experiment_id = ? ORDER BY $order", $id);
    }
    return join("\n", @lines, '');
}

sub line {
    my ($table, $row) = @_;
    my @values = map { defined $_ ? '<' . s/([^\x20-\x7e])/sprintf('\\x{%x}', ord($1))/ger . '>'
        : 'NULL' } @$row;
    return join(' ', $table, @values);
}

1;
