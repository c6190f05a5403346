package bundle

import (
	"html"
	"net/url"
	"regexp"
	"strings"
)

var (
	tag    = regexp.MustCompile(`(?is)<(script|link)\b[^>]*>`)
	source = regexp.MustCompile(`(?is)\s(src|href)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)`)
	// literal is a text in a script that may name another one. Slashes may be
	// escaped, in JSON within scripts.
	literal = regexp.MustCompile("[\"'`]([A-Za-z0-9_@.~%/:\\\\()\\[\\]+-]{1,300}\\.m?js)(?:\\?[A-Za-z0-9_=&.-]{0,100})?\\\\?[\"'`]")
	// table is one of webpack's, of chunks by number with the hash in their name.
	table = regexp.MustCompile(`\b(\d{1,7}):"([0-9a-f]{8,40})"`)
	// joint is what stands between the two in a name.
	joint = regexp.MustCompile(`"static/chunks/"\+[^;]*?\+"([.-])"\+`)
	slash = strings.NewReplacer(`\u002F`, "/", `\u002f`, "/", `\/`, "/")
)

// named are the scripts that a page loads, as it writes them.
func named(page string) []string {
	var all []string
	for _, t := range tag.FindAllString(page, -1) {
		at := source.FindStringSubmatch(t)
		if at == nil {
			continue
		}
		address := html.UnescapeString(strings.Trim(at[2], `"'`))
		isScript := strings.EqualFold(t[1:2], "s")
		if path, _, _ := strings.Cut(address, "?"); isScript || strings.HasSuffix(path, ".js") || strings.HasSuffix(path, ".mjs") {
			all = append(all, address)
		}
	}
	return all
}

// mentioned are what in a script, or between the tags of a page, may be names of
// scripts.
func mentioned(text string) []string {
	text = slash.Replace(text)
	var all []string
	for _, m := range literal.FindAllStringSubmatch(text, -1) {
		all = append(all, strings.TrimLeft(m[1], `\`))
	}
	if j := joint.FindStringSubmatch(text); j != nil {
		for _, m := range table.FindAllStringSubmatch(text, -1) {
			all = append(all, "static/chunks/"+m[1]+j[1]+m[2]+".js")
		}
	}
	return all
}

// follow queues what a file mentions. A bundler's own names begin where its
// files are, wherever the file that mentions them lies.
func (v *visit) follow(from *url.URL, mentions []string) {
	for _, name := range mentions {
		base := from
		if strings.HasPrefix(name, "static/") && v.assets != nil {
			base = v.assets
		}
		v.add(base, name, false)
		if strings.Contains(name, "/") && !strings.ContainsAny(name[:1], "/.") && base == from {
			v.add(v.a.page, "/"+name, false) // as Vite writes them
		}
	}
}

// assetsMark ends the part of an address behind which Next.js's names begin.
const assetsMark = "/_next/"

// add queues a script once, if it may be loaded from there.
func (v *visit) add(base *url.URL, name string, named bool) {
	at, err := base.Parse(name)
	if err != nil || !v.a.hosts[at.Host] || at.User != nil {
		return
	}
	at.Fragment = ""
	if begin, _, found := strings.Cut(at.Path, assetsMark); found && v.assets == nil {
		v.assets = &url.URL{Scheme: at.Scheme, Host: at.Host, Path: begin + assetsMark}
	}
	if key := at.String(); !v.queued[key] {
		v.queued[key] = true
		v.queue = append(v.queue, script{at, named})
	}
}
