"""The same statement in every format that has one, and the columns of a contract for it."""

from __future__ import annotations

import io

import openpyxl

from tables.contract import Column, Kind
from validation.formats.entries import FIELDS

DAYS = ("booking_date", "value_date")
COLUMNS = tuple(
    Column(name, Kind.DATE if name in DAYS else Kind.STRING)
    if name != "amount"
    else Column(name, Kind.DECIMAL, precision=18, scale=3, money=True, required=True)
    for name in FIELDS
)

MT940 = b"""{1:F01BANKDEFFXXXX0000000000}{2:O940}{4:
:20:REF
:25:DE89370400440532013000
:28C:7/1
:60F:C260330EUR1000,00
:61:2603310401C250,50NTRFINV 1//B1
supplied
:86:Rent of
March
:61:2601011231RC0,50NMSCNONREF
:62F:C260331EUR1250,00
-}
"""
BAI2 = b"""01,BANK,US,260331,0600,1,,,2/
02,US,BANK,1,260331,,EUR,2/
03,DE89370400440532013000,,010,100000,,,100,25050,1,/
88,015,125000,,/
16,195,25050,Z,B1,INV 1,Rent, of March/
16,475,50,V,260401,,,NONREF,
88,cheque
49,275150,6/
98,275150,1,8/
99,275150,1,10/
"""
OFX = b"""OFXHEADER:100
DATA:OFXSGML

<OFX><BANKMSGSRSV1><STMTTRNRS><STATUS><CODE>0<SEVERITY>INFO</STATUS>
<STMTRS><CURDEF>EUR<BANKACCTFROM><ACCTID>DE89370400440532013000</BANKACCTFROM>
<BANKTRANLIST>
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260331120000[+1:CET]
<TRNAMT>250.50<FITID>INV 1<NAME>Rent &amp; <MEMO>of March</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260401<TRNAMT>-0,50<FITID>2<BANKACCTTO><ACCTID>other</BANKACCTTO>
</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>1250.00<DTASOF>20260401</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""
CAMT = b"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<Stmt><Id>7</Id><Acct><Id><IBAN>DE89370400440532013000</IBAN></Id></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">1000.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">1250.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
<TxsSummry><TtlNtries><NbOfNtries>3</NbOfNtries></TtlNtries></TxsSummry>
<Ntry><Amt Ccy="EUR">250.50</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
 <BookgDt><Dt>2026-03-31</Dt></BookgDt><ValDt><DtTm>2026-04-01T00:00:00+02:00</DtTm></ValDt>
 <AcctSvcrRef>B1</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>INV 1</EndToEndId></Refs>
 <RmtInf><Ustrd>Rent &amp; more</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="EUR">0.50</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>
 <BookgDt><Dt>2026-03-31</Dt></BookgDt></Ntry>
<Ntry><Amt Ccy="EUR">9.99</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>PDNG</Cd></Sts></Ntry>
</Stmt></BkToCstmrStmt></Document>
"""
STATEMENTS = {"mt940": MT940, "bai2": BAI2, "ofx": OFX, "camt.053": CAMT}


def _workbook() -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["account", "amount"])
    book.active.append(["DE89370400440532013000", 250.5])
    book.save(file)
    return file.getvalue()


FILES = {
    **STATEMENTS,
    "csv": b"account,amount\nDE89370400440532013000,250.50\n",
    "json": b'{"rows": [{"account": "DE89370400440532013000", "amount": 250.50}]}',
    "xlsx": _workbook(),
}
"""A file of each format, as far as its first bytes tell it from the others."""
