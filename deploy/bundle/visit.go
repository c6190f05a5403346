package bundle

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
)

// found is which values a file, or all of a visit's, hold.
type found struct{ isNew, isOld bool }

func (f found) and(g found) found { return found{f.isNew || g.isNew, f.isOld || g.isOld} }

// visit is one look at the page and at all its scripts.
type visit struct {
	a            *Attester
	op           string
	isNew, isOld []secret.Value
	seen         map[string]known // immutable files of earlier visits

	found      found
	deployment string
	files      int
	bytes      int64
	assets     *url.URL // where a bundler's own names begin; nil while not known
	queue      []script
	queued     map[string]bool
}

// script is a file to be read.
type script struct {
	at    *url.URL
	named bool // by the page itself: it must be there
}

// make reads the page and follows its scripts to their end.
func (v *visit) make(ctx context.Context) error {
	v.queued = make(map[string]bool)
	text, answer, err := v.read(ctx, v.a.page)
	if err != nil {
		return err
	}
	if kind(answer.Header) != "text/html" {
		return fault.New(v.op, fault.Garbled, "the address of the page answers with something that is no page")
	}
	if name := answer.Header.Get(v.a.config.Deployment); v.a.config.Deployment != "" && deploymentForm.MatchString(name) {
		v.deployment = name
	}
	v.found = v.look(text)
	for _, name := range named(text) {
		v.add(v.a.page, name, true)
	}
	v.follow(v.a.page, mentioned(text))
	for len(v.queue) > 0 {
		next := v.queue[0]
		v.queue = v.queue[1:]
		if err := v.script(ctx, next); err != nil {
			return err
		}
	}
	return nil
}

// known is what an immutable file holds, and which files it names.
type known struct {
	found
	mentions []string
}

// script reads one script, unless an earlier visit did and it cannot have
// changed, and queues those that it names.
func (v *visit) script(ctx context.Context, s script) error {
	key := s.at.String()
	k, before := v.seen[key]
	if !before {
		text, answer, err := v.read(ctx, s.at)
		switch {
		case !s.named && (absent(answer.Status) || err == nil && !javascript(answer.Header)):
			return nil // it only looked like a script's name
		case err != nil:
			return err
		case !javascript(answer.Header):
			return fault.New(v.op, fault.Garbled, "a script of the page is answered with something that is no script")
		}
		k = known{v.look(text), mentioned(text)}
		if strings.Contains(answer.Header.Get("Cache-Control"), "immutable") {
			v.seen[key] = k
		}
	}
	v.found = v.found.and(k.found)
	v.follow(s.at, k.mentions)
	return nil
}

// read fetches a file within the bounds. One address always leads to the same
// host, and its connection is not kept: a kept one may lead to one and the same
// instance for ever.
func (v *visit) read(ctx context.Context, at *url.URL) (string, rest.Answer, error) {
	if v.files++; v.files > v.a.config.MaxFiles {
		return "", rest.Answer{}, fault.New(v.op, fault.TooLarge, fmt.Sprintf("the page has more than %d scripts, so not all of them were looked at", v.a.config.MaxFiles-1))
	}
	client, err := rest.New(rest.Config{Base: (&url.URL{Scheme: at.Scheme, Host: at.Host}).String(), HTTP: v.a.config.HTTP, Timeout: v.a.config.Timeout, MaxBody: v.a.config.MaxFile})
	if err != nil {
		return "", rest.Answer{}, fault.New(v.op, fault.Unsupported, "a script's address is neither https nor on loopback")
	}
	var body []byte
	answer, err := client.Do(ctx, rest.Call{Op: v.op, Path: at.EscapedPath(), Sign: func(r *http.Request, _ []byte) {
		r.URL.RawQuery = at.RawQuery
		r.Header.Set("Accept", "*/*")
		r.Close = true
	}}, &body)
	if err != nil {
		return "", answer, err
	}
	if v.bytes += int64(len(body)); v.bytes > v.a.config.MaxTotal {
		return "", answer, fault.New(v.op, fault.TooLarge, fmt.Sprintf("the page and its scripts have more than %d bytes, so not all of them were looked at", v.a.config.MaxTotal))
	}
	return string(body), answer, nil
}

// absent reports an answer to a name that nothing has. What may be there and
// cannot be had now is another matter.
func absent(status int) bool {
	return status >= 300 && status <= 499 && status != http.StatusTooManyRequests
}

// look tells which values a text holds.
func (v *visit) look(text string) found {
	return found{holds(text, v.isNew), holds(text, v.isOld)}
}

func holds(text string, marks []secret.Value) bool {
	return slices.ContainsFunc(marks, func(m secret.Value) bool { return strings.Contains(text, m.Reveal()) })
}

func kind(h http.Header) string {
	k, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return k
}

func javascript(h http.Header) bool {
	k := kind(h)
	return strings.Contains(k, "javascript") || strings.Contains(k, "ecmascript")
}
