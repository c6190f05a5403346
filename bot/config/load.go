package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds the configuration file.
const maxFile = 1 << 20

// Load reads and checks the file. A file that could be read and is wrong
// gives [Faults]. Secrets are not read, only named; env is where their
// variables will be looked up, nil meaning the process's own.
func Load(path string, env Lookup) (*Config, error) {
	f, err := os.Open(path) //nolint:gosec // the path is the operator's own argument
	if err != nil {
		return nil, fmt.Errorf("opening the configuration: %w", err)
	}
	defer func() { _ = f.Close() }()
	body, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the configuration: %w", err)
	case len(body) > maxFile:
		return nil, fmt.Errorf("reading the configuration: it is longer than %d bytes", maxFile)
	}
	return Parse(path, body, env)
}

// Parse is [Load] for a file that was read already; file names it in faults.
func Parse(file string, body []byte, env Lookup) (*Config, error) {
	d := &decoder{file: file, env: env, lines: map[string]int{}, told: map[*yaml.Node]bool{}}
	root := d.tree(body)
	if root == nil {
		return nil, d.faults
	}
	c := &Config{env: env}
	d.top = reflect.ValueOf(c).Elem()
	setDefaults(d.top)
	d.structure(root, d.top, "")
	d.scan(root, "", map[*yaml.Node]bool{})
	d.complete(c)
	d.agree(c)
	if len(d.faults) > 0 {
		return nil, d.faults.sorted()
	}
	return c, nil
}

// tree parses YAML; nil when it has none.
func (d *decoder) tree(body []byte) *yaml.Node {
	var doc, second yaml.Node
	in := yaml.NewDecoder(bytes.NewReader(body))
	switch err := in.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		d.lack("", "the file is empty", "at least installation, slack, redis, infisical, environments and secrets")
		return nil
	case err != nil:
		d.syntax(err)
		return nil
	}
	if err := in.Decode(&second); err == nil {
		d.sayAt(second.Line, "", "a second document begins here", "everything in one")
	} else if !errors.Is(err, io.EOF) {
		d.syntax(err)
	}
	return doc.Content[0]
}

var (
	yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
	quoted    = regexp.MustCompile("'[^']*'|`[^`]*`|\"[^\"]*\"")
)

// syntax reports what the parser said, without the pieces of the file that it
// quotes.
func (d *decoder) syntax(err error) {
	line, text := 1, "it cannot be parsed"
	if m := yamlError.FindStringSubmatch(err.Error()); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
		if t := quoted.ReplaceAllString(m[2], "…"); !looksSecret(t) {
			text = t
		}
	}
	d.sayAt(line, "", "this is not YAML: "+text, "keys indented by spaces, and quotes around texts with a colon or a brace")
}

// scan looks through the whole tree, known keys or not, for secrets.
func (d *decoder) scan(n *yaml.Node, path string, seen map[*yaml.Node]bool) {
	if n == nil || seen[n] {
		return
	}
	seen[n] = true
	if n.Kind == yaml.ScalarNode && !d.told[n] && looksSecret(n.Value) {
		d.sayAt(n.Line, path, "this looks like a secret, which has leaked if it is one", "its *_file or *_env key with a path or a variable's name")
	}
	for i, one := range n.Content {
		at := path
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			at = join(path, name(n.Content[i-1]))
		}
		d.scan(one, at, seen)
	}
	d.scan(n.Alias, path, seen)
}
