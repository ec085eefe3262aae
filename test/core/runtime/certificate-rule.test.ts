import { expect, test } from 'vitest';
import { parseCertificateRules } from '../../../core/runtime/certificate-rule.ts';

test.each([
  ['ci=GrantService', [{ name: 'ci', calls: ['GrantService'] }]],
  [
    ' web/* = DecisionService , GrantService/GetGrant ;\n ci=* ; ',
    [
      { name: 'web/*', calls: ['DecisionService', 'GrantService/GetGrant'] },
      { name: 'ci', calls: ['*'] },
    ],
  ],
  ['spiffe://acme/x?a=b=DecisionService', [{ name: 'spiffe://acme/x?a=b', calls: ['DecisionService'] }]],
  ['*=DecisionService', [{ name: '*', calls: ['DecisionService'] }]],
])('the rules %j are read', (text, rules) => {
  expect(parseCertificateRules(text)).toEqual(rules);
});

test.each([
  '',
  ' ; ',
  'ci',
  'ci=',
  '=DecisionService',
  'a*b=DecisionService',
  'ci=Decision Service',
  'ci=x; db',
])('the text %j is no rules', (text) => {
  expect(parseCertificateRules(text)).toBeUndefined();
});
