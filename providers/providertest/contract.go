package providertest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Contract is a transport that holds what passes against a vendor's OpenAPI
// description: that each request is documented and complete, and that each
// answer has a documented status and shape.
type Contract struct {
	t      testing.TB
	base   string
	routes routers.Router

	mu   sync.Mutex
	seen map[string]bool
}

// NewContract reads a description for the service at a base URL. Requests to
// anywhere else pass unseen. The descriptions are not part of this repository:
// REKEY_OPENAPI names their folder, and without it the test is skipped.
func NewContract(t testing.TB, description, base string) *Contract {
	t.Helper()
	folder := os.Getenv("REKEY_OPENAPI")
	if folder == "" {
		t.Skipf("REKEY_OPENAPI is not set: the folder with %s", description)
	}
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(folder, description))
	if err != nil {
		t.Fatalf("reading %s: %v", description, err)
	}
	doc.Servers = openapi3.Servers{{URL: base}}
	routes, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatalf("reading the paths of %s: %v", description, err)
	}
	return &Contract{t: t, base: base, routes: routes, seen: map[string]bool{}}
}

// Seen fails the test unless each of these was exchanged, such as
// "GET /keys 200".
func (c *Contract) Seen(wanted ...string) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, want := range wanted {
		if !c.seen[want] {
			c.t.Errorf("%s was not exchanged", want)
		}
	}
}

// RoundTrip implements [http.RoundTripper].
func (c *Contract) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := drained(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || !strings.HasPrefix(r.URL.String(), c.base+"/") {
		return resp, err
	}
	received, err := drained(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(received))
	if err == nil {
		again := r.Clone(r.Context())
		again.Body = io.NopCloser(bytes.NewReader(sent))
		c.hold(again, resp, received)
	}
	return resp, err
}

func (c *Contract) hold(r *http.Request, resp *http.Response, received []byte) {
	route, params, err := c.routes.FindRoute(r)
	if err != nil {
		c.t.Errorf("%s %s is not documented", r.Method, r.URL.Path)
		return
	}
	name := fmt.Sprintf("%s %s %d", r.Method, route.Path, resp.StatusCode)
	c.mu.Lock()
	c.seen[name] = true
	c.mu.Unlock()
	in := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}
	for param := range r.URL.Query() {
		if !documented(route.Operation.Parameters, param) && !authenticates(route, param) {
			c.t.Errorf("%s: parameter %s is not documented", name, param)
		}
	}
	if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil && resp.StatusCode < http.StatusBadRequest {
		c.t.Errorf("%s: the request is not as documented: %v", name, reason(err))
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header, Options: in.Options}
	if err := openapi3filter.ValidateResponse(r.Context(), out.SetBodyBytes(received)); err != nil {
		c.t.Errorf("%s: the answer is not as documented: %v", name, reason(err))
	}
}

// documented reports that a query may hold a parameter: as it is, or as a member
// of one that is written name[member].
func documented(all openapi3.Parameters, param string) bool {
	if all.GetByInAndName(openapi3.ParameterInQuery, param) != nil {
		return true
	}
	object, _, member := strings.Cut(param, "[")
	p := all.GetByInAndName(openapi3.ParameterInQuery, object)
	return member && p != nil && p.Style == openapi3.SerializationDeepObject
}

// authenticates reports a parameter that carries a credential, which descriptions
// list apart from the others.
func authenticates(route *routers.Route, param string) bool {
	required := route.Spec.Security
	if route.Operation.Security != nil {
		required = *route.Operation.Security
	}
	for _, any := range required {
		for name := range any {
			s := route.Spec.Components.SecuritySchemes[name]
			if s != nil && s.Value != nil && s.Value.Type == "apiKey" && s.Value.In == openapi3.ParameterInQuery && s.Value.Name == param {
				return true
			}
		}
	}
	return false
}

// reason is an objection without the document that it is about, which may hold
// a value.
func reason(err error) string {
	first, _, _ := strings.Cut(err.Error(), "\nSchema:")
	return first
}

func drained(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	defer func() { _ = body.Close() }()
	return io.ReadAll(body)
}
