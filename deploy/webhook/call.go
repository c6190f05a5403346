package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
)

// SignatureHeader carries the signature of a request.
const SignatureHeader = "X-Signature"

// Sign returns the [SignatureHeader] for what is sent at a moment: the body of
// a trigger, the escaped path of a status request.
func Sign(key secret.Value, at time.Time, what []byte) string {
	unix := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte(unix + "."))
	mac.Write(what)
	return "t=" + unix + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// endpoint is a URL taken apart. Its query may be a credential: it goes onto
// the wire and into stored handles, never into an error.
type endpoint struct {
	scheme, host, path, query string // path escaped
}

// parseEndpoint accepts what rest.ParseBase accepts, with a query.
func parseEndpoint(text string) (endpoint, error) {
	base, query, _ := strings.Cut(text, "?")
	u, err := rest.ParseBase(base)
	if err != nil {
		return endpoint{}, err
	}
	if _, err := url.ParseQuery(query); err != nil || strings.Contains(query, "#") {
		return endpoint{}, errors.New("the URL's query is malformed")
	}
	path := u.EscapedPath()
	if strings.HasSuffix(base, "/") {
		path += "/"
	}
	return endpoint{u.Scheme, u.Host, path, query}, nil
}

// String is the whole URL.
func (e endpoint) String() string {
	text := e.scheme + "://" + e.host + e.path
	if e.query != "" {
		text += "?" + e.query
	}
	return text
}

// call sends one signed request.
func (d *Deployer) call(ctx context.Context, to endpoint, c rest.Call, out any) (rest.Answer, error) {
	key, err := d.config.Secret(ctx)
	if err != nil {
		return rest.Answer{}, &fault.Error{Op: "reading the webhook's secret", Class: fault.Ask, Reason: fault.Unexplained, Err: err}
	}
	if key.IsZero() {
		return rest.Answer{}, &fault.Error{Op: c.Op, Class: fault.Never, Reason: fault.Invalid, Detail: "the secret to sign with is empty"}
	}
	client, err := rest.New(rest.Config{Base: to.scheme + "://" + to.host, HTTP: d.config.HTTP, Timeout: d.config.Timeout, MaxBody: 64 << 10})
	if err != nil {
		return rest.Answer{}, &fault.Error{Op: c.Op, Class: fault.Never, Reason: fault.Invalid, Err: err}
	}
	query, err := url.ParseQuery(to.query)
	if err != nil {
		return rest.Answer{}, &fault.Error{Op: c.Op, Class: fault.Never, Reason: fault.Invalid, Err: errors.New("the URL's query is malformed")}
	}
	c.Path, c.Query = to.path, query
	c.Sign = func(r *http.Request, body []byte) {
		what := body
		if r.Method == http.MethodGet {
			what = []byte(r.URL.EscapedPath())
		}
		r.Header.Set(SignatureHeader, Sign(key, time.Now(), what))
	}
	return client.Do(ctx, c, out)
}
