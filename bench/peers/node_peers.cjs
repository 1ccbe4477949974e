// One Node address reader, behind the protocol told in python_peers.py: `node node_peers.cjs NAME FOLDER`,
// where FOLDER is the one with the node_modules. Every reader takes one text at a time: none of them takes a list.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { createRequire } = require('node:module')

const [name, folder] = process.argv.slice(2)
const load = createRequire(path.resolve(folder, 'package.json'))

// Name → [reads a text, turns what came out into a row].
const READERS = {
  'zh-address-parse': () => [load('zh-address-parse'), (r) => [r.province, r.city, r.area]],
  'address-parse': () => {
    const { default: reader } = load('address-parse')
    return [(text) => reader.parse(text)[0], (r) => [r.province, r.city, r.area]]
  },
  // Version 2 mixes two kinds of modules and runs only bundled; --install bundles it.
  'address-smart-parse-2': () => [
    load('./address-smart-parse-2.cjs').default,
    (r) => [r.province, r.city, r.county, r.street],
  ],
  // Version 4 gives candidates, best first.
  'address-smart-parse-4': () => {
    const { parseAddress } = load('address-smart-parse-4')
    return [(text) => parseAddress(text)[0], (r) => [r.province, r.city, r.county, r.street].map((each) => each?.name)]
  },
  'address-parser-cn': () => [load('address-parser-cn').parseAddress, (r) => [r.province, r.city, r.district, r.town]],
}

// Peak memory of this program; the resource usage would count the one that started it, too.
function peak() {
  const line = fs.existsSync('/proc/self/status') && /VmHWM:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))
  return (line ? Number(line[1]) : process.resourceUsage().maxRSS) / 1024
}

function attempt(parse, text) {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}

const answers = process.stdout.write.bind(process.stdout)
console.log = console.error // what a library prints is no answer
const [parse, parts] = READERS[name]()
for (const line of fs.readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  const order = JSON.parse(line)
  const before = process.cpuUsage()
  const found = order.texts.map((text) => attempt(parse, text))
  const { user, system } = process.cpuUsage(before)
  const answer = { name: order.name, cpu_s: (user + system) / 1e6, rss_mib: peak() }
  if (order.rows) {
    answer.rows = found.map((each) => {
      const [province, city, district, town] = each ? parts(each) : []
      return { province, city, district, town }
    })
  }
  answers(JSON.stringify(answer) + '\n')
}
