package splunk

import (
	"errors"
	"net/url"
	"strings"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// Event is the metadata of events. A value that begins with a dot is the path
// of a member of the record: .device.name.
type Event struct {
	Wrap       Wrap   `yaml:"wrap" doc:"auto: records that are HEC events already are sent as they are, others become the event of one; always: all are put into an event; never: what is no HEC event goes to the error output."`
	Index      string `yaml:"index,omitempty" doc:"Index, or the .path of a member that names it; left out: the token's."`
	Source     string `yaml:"source,omitempty" doc:"Source, or a .path; left out: the token's."`
	Sourcetype string `yaml:"sourcetype,omitempty" doc:"Source type, or a .path; left out: the token's."`
	Host       string `yaml:"host,omitempty" doc:"Host, or a .path; left out: the collector's."`
	Time       string `yaml:"time" doc:"arrival: when the record was accepted; none: Splunk decides; or the .path of a member with seconds since 1970 or an RFC 3339 time."`
	IDField    string `yaml:"id_field,omitempty" doc:"Name of an indexed field with the identity of the record, the same in every attempt: search with | dedup NAME to see no repeats."`
}

const (
	timeOfArrival = "arrival"
	timeBySplunk  = "none"
)

// texts are the members of an event that are texts, in the order they are
// written.
func (e *Event) texts() [4]setting {
	return [...]setting{{"host", e.Host}, {"source", e.Source}, {"sourcetype", e.Sourcetype}, {"index", e.Index}}
}

// setting is what a user wrote for a member of the event.
type setting struct{ name, text string }

func (s setting) isPath() bool { return strings.HasPrefix(s.text, ".") }

// path takes .a.b apart.
func (s setting) path() ([]string, error) {
	names := strings.Split(s.text[1:], ".")
	for _, name := range names {
		if name == "" || strings.ContainsAny(name, "\"\\[]") {
			return nil, field.Errorf(s.name, "write names with dots before them, like .device.name", "%q is not the path of a member", s.text)
		}
	}
	return names, nil
}

func (e *Event) validate(t EndpointType) error {
	var problems []error
	add := func(err error) { problems = append(problems, err) }
	for _, s := range e.texts() {
		switch {
		case s.isPath() && t == RawEndpoint:
			add(field.Errorf(s.name, "write a fixed text, or take hec_endpoint_type: Event", "a path has no meaning for the raw endpoint, which takes one %s for all records", s.name))
		case s.isPath():
			_, err := s.path()
			add(err)
		}
	}
	switch s := (setting{"time", e.Time}); {
	case t == RawEndpoint && e.Time != timeOfArrival && e.Time != timeBySplunk:
		add(field.Errorf("time", "leave it out: Splunk finds the times of raw text itself", "has no meaning for the raw endpoint"))
	case s.isPath():
		_, err := s.path()
		add(err)
	case e.Time != timeOfArrival && e.Time != timeBySplunk:
		add(field.Errorf("time", "write arrival, none, or a path like .ts", "%q is not known", e.Time))
	}
	if t == RawEndpoint && e.IDField != "" {
		add(field.Errorf("id_field", "take hec_endpoint_type: Event", "has no meaning for the raw endpoint"))
	}
	if t == RawEndpoint && e.Wrap != WrapAuto {
		add(field.Errorf("wrap", "take hec_endpoint_type: Event", "has no meaning for the raw endpoint"))
	}
	return errors.Join(problems...)
}

// query is the metadata for the raw endpoint, from the question mark on.
func (e *Event) query() string {
	q := url.Values{}
	for _, s := range e.texts() {
		if s.text != "" {
			q.Set(s.name, s.text)
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// encoder makes what turns records into events.
func (e *Event) encoder() (*encoder, error) {
	out := &encoder{wrap: e.Wrap, arrival: e.Time != timeBySplunk}
	for i, s := range e.texts() {
		m := &out.texts[i]
		m.head = `"` + s.name + `":`
		if s.isPath() {
			var err error
			if m.path, err = s.path(); err != nil {
				return nil, err
			}
			out.steps = append(out.steps, lead{m.path[0], i})
		} else if s.text != "" {
			m.literal = string(appendText(nil, []byte(s.text)))
		}
	}
	if s := (setting{"time", e.Time}); s.isPath() {
		var err error
		if out.time, err = s.path(); err != nil {
			return nil, err
		}
		out.steps = append(out.steps, lead{out.time[0], timePath})
	}
	if e.IDField != "" {
		out.idHead = string(appendText(nil, []byte(e.IDField))) + `:"`
	}
	return out, nil
}
