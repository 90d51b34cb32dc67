"""Common names of people in several countries, by which a column of them is told."""

from tagship.data.text_normalization import plain_words

FIRST_NAMES = plain_words("""
    james john robert michael william david richard joseph thomas charles christopher daniel
    matthew anthony donald steven paul andrew joshua kenneth kevin brian george edward ronald
    timothy jason jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin scott brandon
    benjamin samuel gregory alexander patrick jack dennis jerry tyler aaron henry douglas peter
    adam nathan zachary walter kyle harold carl arthur roger keith jeremy lawrence sean christian
    ethan noah oliver harry alfie liam frank raymond philip simon martin alan ian tom bob mike
    mary patricia jennifer linda elizabeth barbara susan jessica sarah karen lisa nancy betty
    sandra margaret ashley kimberly emily donna michelle carol amanda melissa deborah stephanie
    rebecca laura sharon cynthia kathleen amy angela shirley anna brenda pamela emma nicole helen
    samantha katherine christine debra rachel carolyn janet maria catherine heather diane olivia
    julie joyce victoria kelly christina lauren joan evelyn judith megan andrea cheryl hannah
    jacqueline martha gloria teresa ann sara madeleine kathryn janice jean alice sophia charlotte
    amelia isla ava mia ella lucy jane ellen bridget chloe zoe claire kate eva
    hans klaus jürgen stefan andreas wolfgang uwe bernd matthias markus jan lukas leon finn jonas
    felix maximilian paul moritz tim niklas fritz karl heinz werner günter dieter manfred sven
    torsten jörg ralf florian sebastian tobias johannes ursula monika petra sabine renate birgit
    gabriele ingrid heike anja silke katrin lena leonie lea hanna johanna sophie marie greta
    franziska claudia katharina susanne ute anke jana julia
    pierre michel andré philippe alain bernard jacques françois nicolas laurent julien antoine
    mathieu guillaume louis hugo lucas gabriel théo maxime olivier thierry pascal étienne luc
    nathalie isabelle sylvie monique françoise valérie céline aurélie camille manon léa inès élodie
    amélie véronique brigitte
    josé juan antonio manuel francisco luis carlos miguel javier rafael pedro ángel alejandro
    sergio fernando pablo jorge alberto diego álvaro andrés ramón mateo enrique carmen josefa
    isabel lucía pilar dolores ana elena marta paula sofía valentina camila gabriela daniela
    ximena mariana guadalupe rosa cristina
    joão paulo antónio pedro tiago rui ricardo nuno gustavo felipe bruno marcelo eduardo thiago
    beatriz inês mariana fernanda juliana letícia larissa aline luiza
    giuseppe giovanni marco luigi mario francesco andrea luca alessandro matteo lorenzo davide
    simone riccardo stefano roberto paolo giulia chiara francesca sara martina alessia federica
    giorgia elisa aurora ginevra giovanna lucia angela paola
    willem kees piet johan henk dirk jeroen bart sander daan sem bram ruben thijs lars anouk fleur
    sanne lotte femke johanna marieke anneke esther
    erik björn nils ole magnus anders mikael fredrik henrik gustav axel mats lennart håkan søren
    jens niels mads rasmus kristian håvard astrid ingrid freja karin kerstin birgitta elin maja
    sigrid kari
    matti juha mikko timo jukka antti eero aino helmi tuula päivi liisa
    piotr krzysztof andrzej tomasz jan paweł marcin michał jakub łukasz wojciech katarzyna
    małgorzata agnieszka zofia magdalena joanna ewa barbara
    jiří pavel tomáš petr václav jaroslav tereza eliška lászló istván gábor zoltán ferenc katalin
    erzsébet ágnes ion andrei mihai vasile ioana elena
    mehmet mustafa ahmet ali hüseyin hasan ayşe fatma emine zeynep elif yusuf
    mohammed muhammad mohamed ahmed mahmoud omar ibrahim khalid hassan hussein abdullah fatima
    aisha aicha maryam mariam khadija zainab layla leila nour
    ivan dmitri dmitry sergey sergei alexei aleksei vladimir nikolai mikhail olga tatiana natalia
    svetlana irina ekaterina anastasia marija milica nikola
    иван александр дмитрий сергей андрей алексей владимир михаил николай максим артём мария анна
    елена ольга наталья татьяна екатерина анастасия ирина светлана олександр наталія
    γιώργος δημήτρης κώστας γιάννης μαρία ελένη κατερίνα βασιλική
    raj rahul amit rajesh sanjay vijay anil sunil suresh ramesh arjun rohan ravi priya pooja neha
    anjali sunita deepa kavita lakshmi aarav ananya
    wei fang jing yan ming hiroshi takashi kenji yuki haruto sakura yoko akiko keiko minjun jiwoo
    seoyeon minh thanh linh
    محمد أحمد علي فاطمة عائشة مريم חיים משה דוד שרה רחל
    """)

SURNAMES = plain_words("""
    smith johnson williams jones davis miller wilson moore taylor anderson thomas jackson harris
    martin thompson garcia martinez robinson clark rodriguez lewis lee walker allen hernandez
    wright lopez scott adams baker gonzalez nelson carter mitchell perez roberts turner phillips
    campbell parker evans edwards collins murphy kelly o'brien o'connor
    müller mueller schmidt schneider fischer weber meyer wagner becker schulz hoffmann schäfer koch
    bauer richter klein wolf schröder neumann schwarz zimmermann braun krüger hofmann hartmann
    lange krause lehmann maier huber
    bernard dubois robert petit durand leroy moreau laurent lefebvre michel roux bertrand
    morel fournier girard bonnet dupont lambert fontaine rousseau
    garcía fernández gonzález rodríguez lópez martínez sánchez pérez gómez ruiz jiménez díaz moreno
    álvarez romero alonso gutiérrez navarro torres ramírez
    silva santos ferreira pereira oliveira costa rodrigues martins souza almeida carvalho
    rossi russo ferrari esposito bianchi romano colombo ricci marino greco conti mancini
    jansen janssen bakker visser smit meijer mulder bos dekker peters hendriks
    johansson andersson karlsson nilsson eriksson larsson olsson hansen olsen larsen nielsen jensen
    pedersen korhonen virtanen mäkinen nieminen
    nowak kowalski kowalska wiśniewski wójcik kamiński lewandowski zieliński novák svoboda dvořák
    nagy kovács tóth szabó horváth popescu ionescu popa yilmaz kaya demir
    ivanov petrov smirnov kuznetsov иванов иванова петров петрова смирнов кузнецов попов
    singh kumar sharma patel gupta khan das reddy nguyen tran pham kim park choi wang zhang chen
    liu yang huang zhao zhou tanaka suzuki sato takahashi watanabe yamamoto nakamura
    """)

EAST_ASIAN_SURNAMES = (
    *"王李张張刘劉陈陳杨楊赵趙黄黃周吴吳徐孙孫胡朱高林何郭马馬罗羅梁宋郑鄭谢謝韩韓唐冯馮于董萧程",
    *"曹袁邓鄧许許傅沈曾彭吕呂김이박최정강조윤장임한오서신권황안송류홍",
    *("佐藤", "鈴木", "高橋", "田中", "伊藤", "渡辺", "渡邊", "山本", "中村", "小林"),
    *("加藤", "吉田", "山田", "佐々木", "山口", "松本", "井上", "木村", "清水", "斎藤"),
)
"""Written before the given name, without a blank."""
