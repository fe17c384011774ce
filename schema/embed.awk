# Makes libtardis/schema_sql.c out of the steps (COMPONENT-VERSION.sql) and the manifests (COMPONENT.manifest).
#
# A step is cut into statements at the semicolons that are outside quotes and comments; comments are dropped. Every
# statement must be one that can be prepared, and that does no harm when it is run twice: an upgrade that was killed
# repeats its last step from the beginning.

BEGIN {
    print "/* Generated from schema/ by schema/embed.awk. */"
    print "#include \"schema_private.h\""
    steps = ""
    lines = ""
}

FNR == 1 {
    finish_file()
    name = FILENAME
    sub(/.*\//, "", name)
    is_step = name ~ /^[a-z]+-[0-9]+\.sql$/
    if (!is_step && name !~ /^[a-z]+\.manifest$/)
        fail("not called COMPONENT-VERSION.sql or COMPONENT.manifest")
    component = name
    sub(/[-.].*/, "", component)
    if (is_step)
        start_step()
}

is_step { scan($0 "\n") }

!is_step && !/^#/ && NF { lines = lines "    {" literal(component) ", " literal($0) "},\n" }

END {
    if (failed)
        exit 1
    finish_file()
    print "\nconst schema_step_t schema_steps[] = {\n" steps "    {NULL, 0, NULL},\n};"
    print "\nconst schema_line_t schema_manifest[] = {\n" lines "    {NULL, NULL},\n};"
}

function start_step()
{
    version = name
    gsub(/^[a-z]+-|\.sql$/, "", version)
    if (version + 0 != newest[component] + 1)
        fail("the step before it is missing, or comes later on the command line")
    newest[component] = version + 0
    identifier = component "_" version
    statement = ""
    quote = ""
    in_comment = 0
    print "\nstatic const char *const " identifier "[] = {"
    steps = steps "    {" literal(component) ", " version ", " identifier "},\n"
}

# Goes through one line; quotes and comments may go on from the line before.
function scan(text,    i, c, two)
{
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        two = substr(text, i, 2)
        if (in_comment) {
            if (two == "*/") {
                in_comment = 0
                i++
            }
        } else if (quote != "") {
            statement = statement c
            if (c == "\\" && quote != "`")
                statement = statement substr(text, ++i, 1)
            else if (c == quote)
                quote = ""
        } else if (two == "--" && substr(text, i + 2, 1) ~ /[ \t\n]/) {
            statement = statement "\n"
            return
        } else if (two == "/*") {
            in_comment = 1
            i++
        } else if (c == ";") {
            finish_statement()
        } else {
            if (c == "'" || c == "\"" || c == "`")
                quote = c
            statement = statement c
        }
    }
}

function finish_statement()
{
    gsub(/^[ \t\n]+|[ \t\n]+$/, "", statement)
    if (statement == "")
        fail("an empty statement")
    print "    " literal(statement) ","
    statement = ""
}

function finish_file()
{
    if (!is_step)
        return
    gsub(/[ \t\n]+/, "", statement)
    if (statement != "" || quote != "" || in_comment)
        fail("its last statement is not finished")
    print "    NULL,\n};"
    is_step = 0
}

# A C string, one line of it for each line of the text.
function literal(text)
{
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    gsub(/\?/, "\\?", text)
    gsub(/\n/, "\\n\"\n    \"", text)
    return "\"" text "\""
}

function fail(text)
{
    print name ": " text > "/dev/stderr"
    failed = 1
    exit 1
}
