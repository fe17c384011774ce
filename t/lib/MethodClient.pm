package MethodClient;

# Runs t/unit/method_client on a source directory of the test's.
#
#   my $source = MethodClient->new({'a/b.dat' => 'bytes', ...});
#   my $run = $source->move(\@options, 'dest/path', @paths);    all files, in order of their names, if none is named
#   $run: {result, text, moved, most, longest, done => {path => code}, why => {path => text}}; dies if it crashed
#   $source->imported('a/b.dat', size => 7, algorithm => 'MD5', digest => '...')   what it is said to have been imported as
#   MethodClient::contents($dir)        {path => bytes} of what is below a directory; directories are left out

use strict;
use warnings;
use Digest::SHA qw(sha512_hex);
use File::Basename qw(dirname);
use File::Find ();
use File::Path qw(make_path);
use File::Temp;
use HttpClient;
use IO::Handle;

sub new {
    my ($class, $files) = @_;
    my $self = bless {temp => File::Temp->newdir('source-XXXXXXXX', TMPDIR => 1), known => {}}, $class;
    $self->put($_, $files->{$_}) for keys %$files;
    return $self;
}

sub dir { return "$_[0]{temp}" }

sub put {
    my ($self, $path, $bytes) = @_;
    $self->write($path, $bytes);
    $self->imported($path, size => length $bytes, algorithm => 'SHA-512', digest => sha512_hex($bytes));
}

# Changes the file without anybody knowing.
sub write {
    my ($self, $path, $bytes) = @_;
    my $file = $self->dir . "/$path";
    make_path(dirname($file));
    open(my $handle, '>:raw', $file) or die "$file: $!\n";
    print $handle $bytes;
    close $handle or die "$file: $!\n";
}

sub imported {
    my ($self, $path, %as) = @_;
    $self->{known}{$path} = {%{$self->{known}{$path} // {}}, %as};
}

# The command, and what it is to be told.
sub command {
    my ($self, $options, $dest_path, @paths) = @_;
    @paths = sort keys %{$self->{known}} unless @paths;
    my $list = File::Temp->new(TEMPLATE => 'files-XXXXXXXX', TMPDIR => 1);
    for my $path (@paths) {
        my $as = $self->{known}{$path};
        print $list "$as->{size} $as->{algorithm} $as->{digest} $path\n";
    }
    $list->flush;
    return ($list, HttpClient::program('method_client'), @$options, $self->dir, $dest_path);
}

# Starts it, and gives its process id and standard output.
sub start {
    my ($self, @what) = @_;
    my ($list, @command) = $self->command(@what);
    my $pid = open(my $output, '-|') // die "fork: $!\n";
    if (!$pid) {
        open(STDIN, '<', $list->filename) or die "$list: $!\n";
        exec @command or die "$command[0]: $!\n";
    }
    # The list may go once the client has it open; keep it until then.
    return ($pid, $output, $list);
}

sub move {
    my ($self, @what) = @_;
    my ($pid, $output, $list) = $self->start(@what);
    my %run = (done => {}, why => {});
    my $last;
    while (defined(my $line = <$output>)) {
        chomp $line;
        if ($line =~ /^done=(\w+) (.*)$/) {
            $run{done}{$last = $2} .= $1;
        }
        elsif ($line =~ /^why=(.*)$/) {
            $run{why}{$last} = $1;
        }
        elsif ($line =~ /^(\w+)=(.*)$/) {
            $run{$1} = $2;
        }
    }
    close $output;
    die "method_client ended with status $?\n" if $?;
    return \%run;
}

sub contents {
    my ($dir) = @_;
    my %contents;
    File::Find::find({no_chdir => 1, wanted => sub {
        return if -d && !-l;
        my $path = substr($_, 1 + length $dir);
        return if $path =~ m{(?:^|/)\.DAV/};
        open(my $file, '<:raw', $_) or die "$_: $!\n";
        local $/;
        $contents{$path} = <$file> // '';
    }}, $dir);
    return \%contents;
}

1;
