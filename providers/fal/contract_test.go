package fal_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"rekey/providers"
	"rekey/providers/fal"
)

// TestContract holds every exchange between adapter and fake against the
// vendor's OpenAPI description: what the adapter sends is documented and
// complete, and the fake answers as documented. The description is not part
// of this repository; REKEY_OPENAPI names the folder with its fal.yaml.
func TestContract(t *testing.T) {
	folder := os.Getenv("REKEY_OPENAPI")
	if folder == "" {
		t.Skip("REKEY_OPENAPI is not set: the folder with fal.yaml, cut from https://api.fal.ai/v1/openapi.json")
	}
	d := readDescription(t, filepath.Join(folder, "fal.yaml"))
	w := newWorld(t)
	var seen exchanges
	w.client = &http.Client{Transport: &seen}
	w.events = append(w.events, event(w.production.ID, time.Now().Add(-time.Minute)))
	everyCall(t, w)
	want := []string{"GET /keys 200", "POST /keys 201", "DELETE /keys/{key_id} 204", "GET /models/pricing 200",
		"GET /models/pricing 401", "GET /keys 403", "GET /models/billing-events 200"}
	got := map[string]bool{}
	for _, e := range seen {
		got[d.check(t, e)] = true
	}
	for _, what := range want {
		if !got[what] {
			t.Errorf("%s was not exchanged", what)
		}
	}
}

// everyCall makes each call of the adapter once, and one that is refused.
func everyCall(t *testing.T, w world) {
	t.Helper()
	kind := w.kind(t)
	c, err := kind.(providers.Issuer).Issue(t.Context(), "rk_contract_all_r1_1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kind.(providers.Prober).Probe(t.Context(), c.Values); err != nil {
		t.Error(err)
	}
	if _, err := kind.(providers.Usage).LastUsed(t.Context(), c.ID, time.Now().Add(-time.Hour)); err != nil {
		t.Error(err)
	}
	lastUsed(t, w, time.Now().Add(-time.Hour))
	if err := kind.(providers.Ender).End(t.Context(), c.ID); err != nil {
		t.Error(err)
	}
	ordinary := func(conf *fal.Config) { conf.AdminKey = fixed(w.add("team", "API", "ordinary").value()) }
	if _, err := w.provider(t, ordinary).Survey(t.Context(), w.current()); err == nil {
		t.Error("an ordinary key manages keys")
	}
}

// exchange is one request with its answer.
type exchange struct {
	request  *http.Request
	sent     []byte
	status   int
	received []byte
}

// exchanges is a transport that keeps what passes.
type exchanges []exchange

func (x *exchanges) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(sent))
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	received, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(received))
	*x = append(*x, exchange{r, sent, resp.StatusCode, received})
	return resp, err
}

// object is a mapping of the description, whose references are resolved.
type object = map[string]any

type description struct{ paths, schemas object }

func readDescription(t *testing.T, name string) description {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var all object
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return description{at(all, "paths"), at(all, "components", "schemas")}
}

// at walks down; an absent member ends in an empty object.
func at(o object, names ...string) object {
	for _, name := range names {
		o, _ = o[name].(object)
	}
	return o
}

// check returns the exchange's name as the description has it.
func (d description) check(t *testing.T, e exchange) string {
	t.Helper()
	path := strings.TrimPrefix(e.request.URL.Path, "/v1")
	if rest, one := strings.CutPrefix(path, "/keys/"); one && rest != "" {
		path = "/keys/{key_id}"
	}
	name := fmt.Sprintf("%s %s %d", e.request.Method, path, e.status)
	operation := at(d.paths, path, strings.ToLower(e.request.Method))
	if operation == nil {
		t.Errorf("%s is not documented", name)
		return name
	}
	d.checkParameters(t, name, operation, e.request)
	if body := at(operation, "requestBody", "content", "application/json", "schema"); body != nil {
		d.checkBody(t, name+" (request)", body, e.sent)
	} else if len(e.sent) > 0 {
		t.Errorf("%s: a body was sent that is not documented", name)
	}
	response, documented := at(operation, "responses")[strconv.Itoa(e.status)].(object)
	if !documented {
		t.Errorf("%s: the fake's status is not documented", name)
		return name
	}
	if schema := at(response, "content", "application/json", "schema"); schema != nil {
		d.checkBody(t, name, schema, e.received)
	} else if len(e.received) > 0 {
		t.Errorf("%s: the fake sent a body that is not documented", name)
	}
	return name
}

// checkParameters wants all required ones sent and no unknown one.
func (d description) checkParameters(t *testing.T, name string, operation object, r *http.Request) {
	t.Helper()
	var known []string
	list, _ := operation["parameters"].([]any)
	for _, entry := range list {
		p, _ := entry.(object)
		param, _ := p["name"].(string)
		known = append(known, param)
		sent := r.URL.Query().Has(param) || r.Header.Get(param) != "" || p["in"] == "path"
		if p["required"] == true && !sent {
			t.Errorf("%s: required parameter %s was not sent", name, param)
		}
	}
	for param := range r.URL.Query() {
		if !slices.Contains(known, param) {
			t.Errorf("%s: parameter %s is not documented", name, param)
		}
	}
	if r.Header.Get("Idempotency-Key") != "" && !slices.Contains(known, "Idempotency-Key") {
		t.Errorf("%s: Idempotency-Key is not documented", name)
	}
}

func (d description) checkBody(t *testing.T, name string, schema object, body []byte) {
	t.Helper()
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		t.Errorf("%s: not JSON", name)
		return
	}
	for _, fault := range d.faults(schema, value, "body") {
		t.Errorf("%s: %s", name, fault)
	}
}

// faults of a value under the part of JSON Schema that the description uses.
func (d description) faults(schema object, value any, where string) []string {
	if ref, ok := schema["$ref"].(string); ok {
		return d.faults(at(d.schemas, strings.TrimPrefix(ref, "#/components/schemas/")), value, where)
	}
	if !typed(schema["type"], value) {
		return []string{fmt.Sprintf("%s is %T, documented as %v", where, value, schema["type"])}
	}
	var found []string
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, value) {
		found = append(found, fmt.Sprintf("%s is none of %v", where, enum))
	}
	switch v := value.(type) {
	case []any:
		for i, item := range v {
			found = append(found, d.faults(at(schema, "items"), item, fmt.Sprintf("%s[%d]", where, i))...)
		}
	case object:
		found = append(found, d.memberFaults(schema, v, where)...)
	}
	return found
}

func (d description) memberFaults(schema, value object, where string) []string {
	var found []string
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, there := value[name.(string)]; !there {
			found = append(found, fmt.Sprintf("%s has no required member %s", where, name))
		}
	}
	properties := at(schema, "properties")
	for name, member := range value {
		property, documented := properties[name].(object)
		if !documented {
			found = append(found, fmt.Sprintf("%s.%s is not documented", where, name))
			continue
		}
		found = append(found, d.faults(property, member, where+"."+name)...)
	}
	return found
}

// typed tells whether a JSON value has the documented type, or one of them.
func typed(documented, value any) bool {
	if many, ok := documented.([]any); ok {
		return slices.ContainsFunc(many, func(one any) bool { return typed(one, value) })
	}
	number, isNumber := value.(float64)
	switch documented {
	case "object":
		_, ok := value.(object)
		return ok
	case "array":
		_, ok := value.([]any)
		return ok
	case "string":
		_, ok := value.(string)
		return ok
	case "boolean":
		_, ok := value.(bool)
		return ok
	case "number":
		return isNumber
	case "integer":
		return isNumber && number == float64(int64(number))
	case "null":
		return value == nil
	}
	return documented == nil
}

// TestContractBites: the checker must see what is wrong.
func TestContractBites(t *testing.T) {
	d := description{}
	var schema object
	err := yaml.Unmarshal([]byte(`{type: object, required: [id], properties: {id: {type: string, enum: [a]}, n: {type: [integer, "null"]}, l: {type: array, items: {type: boolean}}}}`), &schema)
	if err != nil {
		t.Fatal(err)
	}
	for body, faults := range map[string]int{
		`{"id":"a","n":3,"l":[true]}`: 0,
		`{"id":"a","n":null}`:         0,
		`{}`:                          1,
		`{"id":"b"}`:                  1,
		`{"id":7}`:                    1,
		`{"id":"a","x":1}`:            1,
		`{"id":"a","n":1.5}`:          1,
		`{"id":"a","l":[1,"2"]}`:      2,
		`[]`:                          1,
	} {
		var value any
		if err := json.Unmarshal([]byte(body), &value); err != nil {
			t.Fatal(err)
		}
		if got := d.faults(schema, value, "body"); len(got) != faults {
			t.Errorf("%s: found %q, want %d", body, got, faults)
		}
	}
}
