package config

import (
	"net"
	"net/url"
	"regexp"
	"regexp/syntax"
	"strings"
)

// form is a kind of text.
type form struct {
	pattern *regexp.Regexp           // must match, unless nil
	check   func(text string) string // an objection or "", unless nil
	what    string                   // "a channel id"
	example string                   // what to write instead
	public  bool                     // what has the form is no secret, whatever it looks like
}

// objection says why a text has not the form, without repeating it when it
// might be a secret; "" when it has.
func (f form) objection(text string) string {
	if f.pattern != nil && !f.pattern.MatchString(text) {
		return shown(text) + " is not " + f.what
	}
	if f.check != nil {
		return f.check(text)
	}
	return ""
}

// forms by the names that tags use. The empty name takes any text.
var forms = map[string]form{
	"absolute":     {pattern: regexp.MustCompile(`^/[^\x00]*$`), what: "an absolute path", example: "a path that begins with /"},
	"accepted":     {pattern: regexp.MustCompile(`^accepted$`), what: "the word accepted", example: "accepted, or leave the key out,"},
	"account":      {pattern: regexp.MustCompile(`^[0-9a-f]{32}$`), what: "an account's id", example: "32 hex digits such as 023e105f4ecef8ad9ca31a8372d0c353", public: true},
	"address":      {check: address, example: "host:port, such as 127.0.0.1:6379"},
	"batch":        {pattern: regexp.MustCompile(`^(each|once)$`), what: "a way to ask", example: "each, or once"},
	"base":         {check: base, example: "scheme, host and path, such as https://service.example.com"},
	"bucket":       {pattern: regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`), what: "a bucket's name", example: "lower case letters, digits and hyphens, such as media"},
	"channel":      {pattern: regexp.MustCompile(`^[CG][A-Z0-9]{2,20}$`), what: "a channel's id", example: "the id from the channel's details, such as C0123ABCD"},
	"cron":         {check: cron, example: `minute, hour, day of the month, month and day of the week, such as "0 9 * * MON-FRI"`},
	"date":         {check: date, example: "a day such as 2027-01-31"},
	"env":          {pattern: regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`), what: "a variable's name", example: "a name such as SLACK_BOT_TOKEN"},
	"file":         {pattern: regexp.MustCompile(`^[^\x00]+$`), what: "a path", example: "a path"},
	"group":        {pattern: regexp.MustCompile(`^S[A-Z0-9]{2,20}$`), what: "a user group's id", example: "an id such as S0123ABCD, not the group's name"},
	"header":       {pattern: regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`), check: harmless, what: "a header's name", example: "a name such as Accept"},
	"host":         {pattern: regexp.MustCompile(`^[A-Za-z0-9.-]+(:\d{1,5})?$`), what: "a host", example: "a host such as deploy.example.com"},
	"installation": {pattern: regexp.MustCompile(`^[a-z0-9]{1,12}$`), what: "a name of 1 to 12 lower case letters and digits", example: "a name such as acme"},
	"jurisdiction": {pattern: regexp.MustCompile(`^(default|eu|fedramp)$`), what: "a jurisdiction", example: "default, eu or fedramp"},
	"jobs":         {pattern: regexp.MustCompile(`^proj_[A-Za-z0-9]{4,64}$`), what: "a project's reference", example: "the reference that the project's page shows, such as proj_abcdefghijklmnop", public: true},
	"jwtuse":       {pattern: regexp.MustCompile(`^(verify|mint)$`), what: "a use", example: "verify, or mint"},
	"level":        {pattern: regexp.MustCompile(`^(debug|info|warn|error)$`), what: "a level", example: "debug, info, warn or error"},
	"listen":       {check: listen, example: "unix:/run/rekey/rekey.sock, or 127.0.0.1:7070"},
	"method":       {pattern: regexp.MustCompile(`^(GET|HEAD|POST)$`), what: "a method", example: "GET, HEAD or POST"},
	"migrate":      {pattern: regexp.MustCompile(`^additional$`), what: "the word additional", example: "additional, or leave the key out,"},
	"name":         {pattern: regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`), what: "a short name", example: "lower case letters, digits and hyphens, such as errors"},
	"passed":       {pattern: regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`), what: "a variable's name", example: "a name such as PATH"},
	"path":         {pattern: regexp.MustCompile(`^/$|^(/[A-Za-z0-9_-]+)+$`), what: "a folder", example: "/ or /folder"},
	"project":      {pattern: regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`), what: "a project's id", example: "the id from the project's settings"},
	"prove":        {pattern: regexp.MustCompile(`^(attest|bundle)$`), what: "a way of proof", example: "attest or bundle"},
	"network":      {check: network, example: "an address or a network, such as 198.51.100.0/24"},
	"query":        {check: query, example: "a log query with no other placeholder than {{deployment}}"},
	"reference":    {pattern: regexp.MustCompile(`^[a-z]{20}$`), what: "a project's reference", example: "the twenty lower case letters of the project's address"},
	"regexp":       {check: expression, example: "a regular expression (RE2)"},
	"scope":        {pattern: regexp.MustCompile(`^(shared|per-environment)$`), what: "a scope", example: "shared or per-environment"},
	"secret":       {pattern: regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,63}$`), what: "a secret's name", example: "capitals, digits and underscores, such as FAL_KEY"},
	"site":         {pattern: regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(:\d{1,5})?$`), what: "a site's origin", example: "scheme and host alone, such as https://shop.example.com"},
	"slug":         {pattern: regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`), what: "an environment's slug", example: "a slug such as prod"},
	"stage":        {pattern: regexp.MustCompile(`^(staging|prod|preview)$`), what: "an environment of Trigger.dev", example: "staging, prod or preview"},
	"table":        {pattern: regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`), what: "a table's name", example: "lower case letters, digits and underscores", public: true},
	"team":         {pattern: regexp.MustCompile(`^T[A-Z0-9]{2,20}$`), what: "a workspace's id", example: "the id from the workspace's address, such as T0123ABCD"},
	"template":     {check: pattern, example: "scheme and host with {ref} for the project, such as https://{ref}.supabase.co"},
	"traces":       {pattern: regexp.MustCompile(`^[a-z0-9][A-Za-z0-9_-]{3,63}$`), what: "a project's id", example: "the id from the address of the project's page, such as cm3x8k2p90001", public: true},
	"url":          {check: link, example: "an https URL, such as https://app.example.com/healthz"},
	"user":         {pattern: regexp.MustCompile(`^[UW][A-Z0-9]{2,20}$`), what: "a person's id", example: "an id such as U0123ABCD, not a name or an address"},
	"uuid":         {pattern: regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`), what: "a database's id", example: "the id from the database's page, such as 96ad0856-03b1-4ee7-9666-e81abd0349e1", public: true},
	"variable":     {pattern: regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`), what: "a variable's name", example: "a name such as FAL_KEY"},
	"word":         {pattern: regexp.MustCompile(`^[A-Za-z0-9._@-]{1,64}$`), what: "a single word", example: "letters, digits, dots and hyphens"},
	"zone":         {check: zone, example: "a name of the zone database, such as Europe/Berlin or UTC"},
}

// link accepts https URLs, and http ones on loopback: a credential, a proof
// or a verdict travels over every one of them.
func link(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return "it is not a URL"
	case u.User != nil:
		return "a URL must not hold a user or a password"
	case u.Fragment != "":
		return "a URL must not end in a # part"
	case u.Scheme == "https" || (u.Scheme == "http" && loopback(u.Hostname())):
		return ""
	default:
		return "the URL must be https; http is for loopback only"
	}
}

// base accepts links to which paths are appended.
func base(text string) string {
	if why := link(text); why != "" {
		return why
	}
	if strings.ContainsAny(text, "?{}") {
		return "the URL must be scheme, host and path only"
	}
	return ""
}

// pattern accepts bases that hold the place of a project's reference.
func pattern(text string) string { return base(strings.ReplaceAll(text, "{ref}", "ref")) }

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

func address(text string) string {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" || port == "" || strings.ContainsAny(text, "@/") {
		return "it is not host:port"
	}
	return ""
}

// harmless refuses headers that exist to carry credentials.
func harmless(header string) string {
	switch strings.ToLower(header) {
	case "authorization", "proxy-authorization", "cookie", "x-api-key":
		return "this header carries credentials, which do not belong in this file"
	default:
		return ""
	}
}

// placeholder is the only one that a query may hold.
const placeholder = "{{deployment}}"

func query(text string) string {
	if !strings.HasPrefix(text, "{") {
		return `the query must select lines and begin with a stream selector, such as {app="web"}`
	}
	if strings.Contains(strings.ReplaceAll(text, placeholder, ""), "{{") {
		return "the query holds a placeholder other than {{deployment}}"
	}
	return ""
}

func expression(text string) string {
	if _, err := syntax.Parse(text, syntax.Perl); err != nil {
		return "it is not a regular expression"
	}
	return ""
}
